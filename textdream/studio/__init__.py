"""The studio: a web server on this machine in which experiments run live. `app.py` puts it together."""
