//! The model behind the simulator's HTTP: what it answers with, and what is told about it.

use std::{io, net::SocketAddr, sync::Arc, time::Instant};

use futures::{StreamExt, stream, stream::BoxStream};
use http::StatusCode;
use ollama_sim::{Capability, Clock, End, Generated, Generator, Prompt, PromptText, Refusal, Sim};
use tokio::sync::{mpsc::unbounded_channel, watch};

use crate::{
    MODEL,
    engine::{Counts, Done, Engine, Event, Job, Reason, Rejected},
    model::Model,
    settings,
};

/// How to serve.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Answers at once.
    pub slots: usize,
    /// Threads that compute; 0: one for each core.
    pub threads: usize,
}

/// A running server. Dropping it stops it.
pub struct Demo {
    sim: Sim,
    speaker: Arc<Speaker>,
}

/// The model and its engine.
struct Speaker {
    model: Arc<Model>,
    engine: Engine,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            slots: 4,
            threads: 0,
        }
    }
}

impl Demo {
    /// Opens the socket and serves until [`Demo::stop`].
    ///
    /// # Errors
    /// The address cannot be listened on, or no thread can be started.
    pub async fn start(model: Model, options: Options) -> io::Result<Self> {
        let model = Arc::new(model);
        let engine = Engine::start(Arc::clone(&model), options.slots, options.threads);
        let face = ollama_sim::Options {
            listen: options.listen,
            models: vec![listed(&model)],
            context_length: context(&model),
            clock: Clock::System,
            mark: "demo_model",
            ..ollama_sim::Options::default()
        };
        let speaker = Arc::new(Speaker {
            model,
            engine: engine.map_err(io::Error::other)?,
        });
        let sim = Sim::serve(face, Arc::clone(&speaker) as Arc<dyn Generator>).await?;
        Ok(Self { sim, speaker })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.sim.addr()
    }

    /// Its origin: what `OLLAMA_HOST` would be.
    pub fn url(&self) -> String {
        self.sim.url().to_owned()
    }

    /// How much is going on, now and whenever it changes.
    pub fn counts(&self) -> watch::Receiver<Counts> {
        self.speaker.engine.counts()
    }

    /// Waits until the thread that generates has ended, which it does only if it has failed.
    pub async fn failed(&self) {
        self.speaker.engine.ended().await;
    }

    /// Closes the socket and every connection.
    pub async fn stop(&self) {
        self.sim.stop().await;
    }
}

impl Generator for Speaker {
    fn generate(&self, prompt: Prompt) -> Result<BoxStream<'static, Generated>, Refusal> {
        if prompt.has_format {
            let message = format!("{MODEL:?} does not support formats");
            return Err(Refusal::bad_request(message));
        }
        let tokens = self
            .tokens(&prompt.text)
            .ok_or_else(|| Refusal::bad_request("the input length exceeds the context length"))?;
        let (events, receiver) = unbounded_channel();
        let job = Job {
            prompt: tokens,
            settings: settings::of(&prompt.options),
            stops: prompt.options.stops(),
            limit: prompt.limit.and_then(|limit| usize::try_from(limit).ok()),
            events,
            arrived: Instant::now(),
        };
        self.engine.submit(job).map_err(|rejected| match rejected {
            Rejected::Empty => Refusal::bad_request("the prompt has no tokens"),
            Rejected::Full => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, BUSY),
            Rejected::Ended => Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the model has stopped unexpectedly",
            ),
        })?;
        let events = stream::unfold(receiver, async |mut receiver| {
            Some((receiver.recv().await?, receiver))
        });
        Ok(events.map(generated).boxed())
    }
}

impl Speaker {
    /// What the model reads; `None`: more than it can hold.
    fn tokens(&self, text: &PromptText) -> Option<Vec<u32>> {
        let Model {
            llama,
            tokenizer,
            template,
            ..
        } = &*self.model;
        let context = llama.shape().context;
        match text {
            PromptText::Messages(messages) => template.conversation(tokenizer, messages, context),
            PromptText::Raw(text) => {
                let mut tokens = Vec::new();
                tokenizer.encode(text, &mut tokens);
                (tokens.len() < context).then_some(tokens)
            }
        }
    }
}

fn generated(event: Event) -> Generated {
    match event {
        Event::Text(text) => Generated::Text(text),
        Event::Done(Done {
            reason,
            prompt_tokens,
            tokens,
            waited,
            prompt_took,
            answer_took,
        }) => Generated::End(End {
            is_cut: reason == Reason::Length,
            prompt_tokens: count(prompt_tokens),
            tokens: count(tokens),
            waited,
            prompt_took,
            answer_took,
        }),
    }
}

/// What lists tell of the model.
fn listed(model: &Model) -> ollama_sim::Model {
    let facts = &model.facts;
    ollama_sim::Model {
        capabilities: vec![Capability::Completion],
        digest: facts.digest.clone(),
        size: facts.size as u64,
        family: "llama".to_owned(),
        parameters: facts.parameters,
        parameter_size: format!("{:.2}M", facts.parameters as f64 / 1e6),
        quantization: "Q4_1".to_owned(),
        context_length: context(model),
        embedding_length: count(model.llama.shape().width),
        modified_at: MODIFIED.to_owned(),
        ..ollama_sim::Model::from(MODEL)
    }
}

fn context(model: &Model) -> u32 {
    count(model.llama.shape().context)
}

fn count(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

const BUSY: &str = "server busy, please try again.  maximum pending requests exceeded";

/// When the package with the model was published.
const MODIFIED: &str = "2025-02-07T00:00:00Z";
