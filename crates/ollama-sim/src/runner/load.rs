//! What belongs to a runner: options that cannot be changed once it is loaded.

use crate::{Model, request::Options};

/// Options with which a model is loaded. A request whose own differ has it loaded again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoadOptions {
    context: u32,
    batch: i64,
    /// -1 is as many as fit.
    gpu: i64,
    thread: i64,
    draft: i64,
    main_gpu: Option<i64>,
    mmap: bool,
    shift: bool,
}

impl LoadOptions {
    /// Those of a request: its own over the model's over the usual ones.
    pub(crate) fn of(model: &Model, options: &Options, shift: Option<bool>, usual: u32) -> Self {
        let integer = |name: &str, usual| options.integer(name).unwrap_or(usual);
        let context = match options.integer("num_ctx") {
            Some(asked) => u32::try_from(asked).unwrap_or(0).max(LEAST_CONTEXT),
            None => model.num_ctx.unwrap_or(usual),
        };
        let taught = match model.context_length {
            0 => u32::MAX,
            taught => taught,
        };
        Self {
            context: context.min(taught),
            batch: integer("num_batch", 512),
            gpu: integer("num_gpu", -1),
            thread: integer("num_thread", 0),
            draft: integer("draft_num_predict", 0),
            main_gpu: options.integer("main_gpu"),
            mmap: options.truth("use_mmap") == Some(true),
            shift: shift != Some(false),
        }
    }

    /// Those of a request that sets none.
    pub(crate) fn usual(model: &Model, context: u32) -> Self {
        Self::of(model, &Options::default(), None, context)
    }

    /// Tokens of the longest text.
    pub(crate) fn context(self) -> u32 {
        self.context
    }
}

/// What is less is taken for this.
const LEAST_CONTEXT: u32 = 4;
