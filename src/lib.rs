//! The chat component.
