"""What calls functions: MNS topics and queues, rules of the event bus, timers."""
