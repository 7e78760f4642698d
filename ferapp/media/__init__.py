"""Picture and video files: the only package that decodes pictures or opens containers."""
