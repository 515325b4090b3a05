"""Resource Orchestration Service (ROS): stacks of the resource types that localcloud has."""
