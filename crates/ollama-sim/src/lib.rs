//! A scriptable, deterministic Ollama for tests and demonstrations.
