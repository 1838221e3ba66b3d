//! Admission, pure: the gate, its line, its tickets.
