"""Return over k with the true model, and with learned ones of growing quality."""
