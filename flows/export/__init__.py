"""A recorded design as a package for people who have no archloop, with what is known of it."""
