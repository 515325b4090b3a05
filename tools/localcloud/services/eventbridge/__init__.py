"""EventBridge: the default bus. Its API (PutEvents) answers 501."""
