"""Object Storage Service (OSS), as far as a package has to get to Function Compute."""
