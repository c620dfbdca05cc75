"""The declaration of a mesh: `mesh.yaml` as a typed, checked model. Everything else reads it from here."""
