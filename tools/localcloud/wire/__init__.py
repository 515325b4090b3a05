"""What travels: HTTP messages, signatures, and the two dialects (RPC and MNS) spoken over them."""
