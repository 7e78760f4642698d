"""``ferapp sessions``: recorded sessions, without the app."""

from ferapp.cli.sessions.commands import app as app
