//! The answer to one connection too many: a 503 that says so, rather than silence.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};

use super::Limits;

/// Refuses connections, some at the same time; beyond that they are closed without a word.
pub(super) struct Refusals {
    answer: Arc<str>,
    slots: Arc<Semaphore>,
}

impl Refusals {
    pub(super) fn new(limits: Limits) -> Self {
        let text = format!(
            "this host serves {} connections at the same time, and all are taken\n",
            limits.connections
        );
        let length = text.len();
        let answer = format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\
             retry-after: 1\r\nconnection: close\r\n\r\n{text}"
        );
        Self {
            answer: answer.into(),
            slots: Arc::new(Semaphore::new(limits.refusals)),
        }
    }

    pub(super) fn refuse(&self, mut stream: TcpStream) {
        let Ok(slot) = self.slots.clone().try_acquire_owned() else {
            return;
        };
        let answer = self.answer.clone();
        tokio::spawn(async move {
            let _slot = slot;
            // Whether the client takes it is its own affair.
            _ = timeout(LINGER, async {
                stream.write_all(answer.as_bytes()).await?;
                stream.shutdown().await?;
                // Closing with the request unread would reset the connection, and the answer with it.
                let mut request = [0; 4096];
                while stream.read(&mut request).await? > 0 {}
                std::io::Result::Ok(())
            })
            .await;
        });
    }
}

const LINGER: Duration = Duration::from_secs(1);
