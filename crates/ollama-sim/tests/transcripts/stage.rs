//! A simulator for each set of settings that something was recorded under, with the models that were there.

use std::{collections::BTreeMap, time::Duration};

use ollama_sim::{
    Capability, Clock, Model, Options, Script, Sim, Template,
    record::{LONGEST, Server, Transcript},
};
use serde_json::{Map, Value};
use tokio::runtime::Runtime;

/// Simulators by settings.
pub(crate) struct Stages {
    runtime: Runtime,
    sims: BTreeMap<String, Sim>,
}

impl Default for Stages {
    fn default() -> Self {
        Self {
            runtime: Runtime::new().unwrap(),
            sims: BTreeMap::new(),
        }
    }
}

impl Stages {
    /// The simulator that is set up as the recorded Ollama was.
    pub(crate) fn server(&mut self, transcript: &Transcript) -> Server {
        let key = serde_json::to_string(&transcript.settings).unwrap();
        let sim = self.sims.entry(key).or_insert_with(|| {
            let options = options(&transcript.settings);
            self.runtime.block_on(Sim::start(options)).unwrap()
        });
        Server {
            authority: sim.addr().to_string(),
            base_path: String::new(),
            version: "simulator".to_owned(),
            patience: Duration::from_secs(3),
            longest: LONGEST,
        }
    }

    /// Loads the model that was loaded when this was recorded, and has the simulator do what the model did when this was recorded.
    pub(crate) fn prepare(&mut self, transcript: &Transcript) {
        let key = serde_json::to_string(&transcript.settings).unwrap();
        self.sims[&key].set_default(script(&transcript.case).parse().unwrap());
        if transcript.case.starts_with("api-ps") {
            let load = r#"{"name":"load","method":"POST","path":"/api/chat","body":{"model":"smollm2:135m"}}"#;
            let case = &ollama_sim::record::cases(load).unwrap()[0];
            let server = self.server(transcript);
            ollama_sim::record::exchange(&server, case).unwrap();
        }
    }
}

/// What the models did when a case was recorded.
pub(crate) fn script(case: &str) -> &'static str {
    let mut scripts = SCRIPTS.iter();
    let found = scripts.find(|(prefix, _)| case.starts_with(prefix));
    found.map_or("", |(_, words)| words)
}

/// What the models said is theirs: how many tokens, calls or not.
const SCRIPTS: &[(&str, &str)] = &[
    ("chat-num-predict-zero", "tokens=200"),
    ("v1-chat-max-tokens-zero", "tokens=200"),
    ("chat-options-stop-list", "tokens=3"),
    ("v1-chat-stop-", "tokens=3"),
    ("chat-repeated-token", "text=7 tokens=90"),
    ("generate-repeated-token", "text=7 tokens=90"),
    ("v1-chat-repeated-token", "text=7 tokens=90"),
    ("chat-thinking-format-json", "text={} tokens=12"),
    ("generate-format-json", "text={} tokens=3"),
    ("chat-tools-go-schema", "calls=1"),
    ("chat-tools-tagged", "calls=1"),
    ("chat-tools-two-calls", "calls=2"),
    ("v1-chat-tools", "calls=1"),
    ("v1-messages-tool-use", "calls=1"),
    ("v1-messages-tools-stream", "think=0"),
    ("v1-responses-tool-call", "calls=1"),
];

/// What a simulator is started with to be as the recorded Ollama was.
pub(crate) fn options(settings: &Map<String, Value>) -> Options {
    let setting = |name: &str| settings.get(name).and_then(Value::as_str);
    let is_usual = settings.is_empty();
    let number = |name: &str| setting(name).and_then(|value| value.parse().ok());
    Options {
        models: models(),
        script: "pace=0ms tokens=20".parse::<Script>().unwrap(),
        parallel: Some(4),
        max_loaded: if is_usual { Some(2) } else { None },
        keep_alive: match setting("OLLAMA_KEEP_ALIVE") {
            Some("-1") => Duration::from_nanos(i64::MAX.cast_unsigned()),
            _ => Duration::from_secs(300),
        },
        context_length: number("OLLAMA_CONTEXT_LENGTH").unwrap_or(4_096),
        origins: setting("OLLAMA_ORIGINS")
            .map(|origins| origins.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
        no_cloud: setting("OLLAMA_NO_CLOUD").is_some(),
        mark: "",
        clock: Clock::System,
        ..Options::default()
    }
}

/// The models of the machine on which the transcripts were made.
pub(crate) fn models() -> Vec<Model> {
    use Capability::{Completion, Embedding, Thinking, Tools};
    let smollm = |name: &str, capabilities: &[Capability]| Model {
        capabilities: capabilities.to_vec(),
        file: "smollm2".to_owned(),
        size: 98_363_534,
        family: "llama".to_owned(),
        parameter_size: "134.52M".to_owned(),
        quantization: "Q4_1".to_owned(),
        context_length: 8_192,
        embedding_length: 576,
        ..Model::from(name)
    };
    let other = |name: &str, capabilities: &[Capability]| Model {
        file: name.to_owned(),
        ..smollm(name, capabilities)
    };
    let own = |name: &str| Model {
        template: Template::Own,
        thinks: true,
        ..other(name, &[Completion, Tools, Thinking])
    };
    vec![
        smollm("smollm2:135m", &[Completion]),
        Model {
            system: "You are helpful.".to_owned(),
            ..smollm("helper:135m", &[Completion])
        },
        smollm("gotmpl:135m", &[Completion, Tools]),
        smollm("toolobj:135m", &[Completion, Tools]),
        smollm("toolarr:135m", &[Completion, Tools]),
        smollm("fewtool:135m", &[Completion, Tools]),
        Model {
            thinks: true,
            ..smollm("thinker:135m", &[Completion, Thinking])
        },
        Model {
            num_ctx: Some(512),
            num_predict: Some(16),
            ..smollm("ctx512:135m", &[Completion])
        },
        own("native:135m"),
        Model {
            file: "native:135m".to_owned(),
            template: Template::Go,
            ..own("nativego:135m")
        },
        other("other:135m", &[Completion]),
        other("third:135m", &[Completion]),
        other("plain:135m", &[Completion]),
        Model {
            fault: Some(BROKEN.to_owned()),
            family: "nosucharch".to_owned(),
            context_length: 0,
            embedding_length: 0,
            ..other("broken:135m", &[Completion])
        },
        Model {
            fault: Some(CUT.to_owned()),
            ..other("cut:135m", &[Completion])
        },
        Model {
            family: "bert".to_owned(),
            context_length: 512,
            embedding_length: 384,
            ..other("minilm:l6", &[Embedding])
        },
    ]
}

const BROKEN: &str = "llama-server process has terminated: exit status 1: error loading model: unknown model architecture: 'nosucharch'\nerror loading model: unknown model architecture: 'nosucharch'";
const CUT: &str =
    "tensor \"blk.16.ffn_down.weight\" offset+size (50153536) exceeds file size (50000000)";
