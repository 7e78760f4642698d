"""The connection of the live page: how it is made, what comes in and what goes back."""
