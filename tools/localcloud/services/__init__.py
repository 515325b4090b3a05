"""One folder per cloud service: `api.py` is wire in and out, `model.py` is state and rules."""
