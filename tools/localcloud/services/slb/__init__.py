"""Classic Load Balancer."""
