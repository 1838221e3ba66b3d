//! The model check of the board's protocol: the product's own functions in every interleaving of one store operation a step.
//!
//! # What is explored
//!
//! A few processes, each an [`Instance`](crate::instance::Instance) with one or two requests, on a store that may fail in every
//! way that the protocol allows. One step is one effect performed and answered, one event of the world, or one tick of every
//! clock. A fault may happen as often as the configuration says, anywhere.
//!
//! # What is checked
//!
//! In every state at most `capacity` relay, and every board is sound. Where operations take no time, nobody is cut or ended
//! who had no fault of its own. From every state an end can be reached without another fault.
//!
//! # What it does not do
//!
//! Reads that run side by side are performed at one moment. Clocks that run tick together. The policy is the real one, with
//! requests of one class. More than three processes, more than two requests in one and more than two late writes are not
//! explored.

mod canonical;
mod config;
mod kept;
mod mutants;
mod nearby;
mod probe;
mod renumber;
mod safety;
mod search;
mod start;
mod step;
mod world;
