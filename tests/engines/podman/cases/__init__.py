"""What podman's users rely on, a topic a file. Importing a module registers its cases."""
