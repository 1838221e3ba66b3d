//! The static-file component.
