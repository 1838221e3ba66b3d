//! The gate, checked: the model checker's world, its mutants, and the simulation.
//!
//! All of them drive [`crate::Turn::step`], the function that the component runs.

mod act;
mod canonical;
mod ghost;
mod liveness;
mod model;
mod mutants;
mod rebase;
mod sim;
mod trace;
mod world;
