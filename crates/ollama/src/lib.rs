//! Ollama's wire forms, pure.
