//! Clients from crates.io, as they are. `clients NAME` runs the calls of one. SERVERS is JSON: the name of a case and the address of the
//! server that plays it. Says what came of each call, one line of JSON a call.

use std::error::Error;
use std::iter::successors;

use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt};
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatRequest, ChatStreamEvent};
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{Client, ModelIden, ServiceTarget};
use ollama_rs::Ollama;
use ollama_rs::generation::chat::{ChatMessage as OllamaMessage, request::ChatMessageRequest};
use ollama_rs::generation::completion::request::GenerationRequest;
use serde_json::{Map, Value, json};

const MODEL: &str = "llama3.2";

type Text = Result<String, Box<dyn Error + Send + Sync>>;
type Call = fn(String) -> BoxFuture<'static, Text>;

fn ollama_rs() -> Vec<(&'static str, Call)> {
    fn messages() -> ChatMessageRequest {
        ChatMessageRequest::new(
            MODEL.to_owned(),
            vec![OllamaMessage::user("Hello".to_owned())],
        )
    }
    fn chat(url: String) -> BoxFuture<'static, Text> {
        async move {
            Ok(Ollama::try_new(url)?
                .send_chat_messages(messages())
                .await?
                .message
                .content)
        }
        .boxed()
    }
    fn chat_streamed(url: String) -> BoxFuture<'static, Text> {
        async move {
            let mut parts = Ollama::try_new(url)?
                .send_chat_messages_stream(messages())
                .await?;
            let mut text = String::new();
            while let Some(part) = parts.next().await {
                text += &part
                    .map_err(|()| "an item of the stream is an error, without words")?
                    .message
                    .content;
            }
            Ok(text)
        }
        .boxed()
    }
    fn generate(url: String) -> BoxFuture<'static, Text> {
        async move {
            let request = GenerationRequest::new(MODEL.to_owned(), "Hello".to_owned());
            Ok(Ollama::try_new(url)?.generate(request).await?.response)
        }
        .boxed()
    }
    let calls: [(&str, Call); 3] = [
        ("chat", chat),
        ("chat, streamed", chat_streamed),
        ("generate", generate),
    ];
    calls.into()
}

fn genai() -> Vec<(&'static str, Call)> {
    fn client(kind: AdapterKind, url: String) -> Client {
        let resolver = ServiceTargetResolver::from_resolver_fn(move |target: ServiceTarget| {
            Ok::<_, genai::resolver::Error>(ServiceTarget {
                endpoint: Endpoint::from_owned(url.clone()),
                auth: AuthData::from_single("unused"),
                model: ModelIden::new(kind, target.model.model_name),
            })
        });
        Client::builder()
            .with_service_target_resolver(resolver)
            .build()
            .expect("a client")
    }
    fn request() -> ChatRequest {
        ChatRequest::new(vec![ChatMessage::user("Hello")])
    }
    async fn document(client: Client) -> Text {
        let answer = client.exec_chat(MODEL, request(), None).await?;
        Ok(answer.first_text().unwrap_or_default().to_owned())
    }
    async fn stream(client: Client) -> Text {
        let mut events = client
            .exec_chat_stream(MODEL, request(), None)
            .await?
            .stream;
        let mut text = String::new();
        while let Some(event) = events.next().await {
            if let ChatStreamEvent::Chunk(chunk) = event? {
                text += &chunk.content;
            }
        }
        Ok(text)
    }
    let calls: [(&str, Call); 4] = [
        ("ollama", |url| {
            document(client(AdapterKind::Ollama, format!("{url}/"))).boxed()
        }),
        ("ollama, streamed", |url| {
            stream(client(AdapterKind::Ollama, format!("{url}/"))).boxed()
        }),
        ("openai", |url| {
            document(client(AdapterKind::OpenAI, format!("{url}/v1/"))).boxed()
        }),
        ("openai, streamed", |url| {
            stream(client(AdapterKind::OpenAI, format!("{url}/v1/"))).boxed()
        }),
    ];
    calls.into()
}

#[tokio::main]
async fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let calls = match name.as_str() {
        "ollama-rs" => ollama_rs(),
        "genai" => genai(),
        _ => panic!("no such client: {name:?}"),
    };
    let servers = std::env::var("SERVERS").expect("SERVERS");
    let servers: Map<String, Value> = serde_json::from_str(&servers).expect("an object");
    let jobs = servers.iter().flat_map(|(case, url)| {
        let url = url.as_str().expect("an address").to_owned();
        calls.iter().map(move |(name, call)| {
            let answer = call(url.clone());
            async move {
                let said = match answer.await {
                    Ok(text) => json!({ "case": case, "call": name, "text": text }),
                    Err(error) => json!({ "case": case, "call": name, "error": told(&*error) }),
                };
                println!("{said}");
            }
        })
    });
    join_all(jobs).await;
}

/// An error with its causes, as a program tells it.
fn told(error: &(dyn Error + 'static)) -> String {
    let errors = successors(Some(error), |&error| error.source());
    errors
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
