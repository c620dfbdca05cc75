"""For code that runs in a project: AWS's own library, and the verbs it lacks."""
