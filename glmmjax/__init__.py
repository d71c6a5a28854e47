"""glmmjax."""
