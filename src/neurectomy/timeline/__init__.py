"""The run log: events, state, keyframes, ancestry, subscriptions."""
