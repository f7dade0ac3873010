"""The chaos drill: parts of a pipeline of its own are killed under load, one after another; then comes the proof."""
