//! Many pages that ask once a second how the queue stands, each on a connection of its own.

use std::net::SocketAddr;

use futures::future::join_all;
use http::Method;
use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::common::{Client, SECOND};

/// Pages that go on asking. Dropping them closes them.
pub struct Pages(JoinSet<()>);

impl Pages {
    /// Opens so many; their questions are spread over the second.
    pub async fn open(addr: SocketAddr, number: u32) -> Self {
        let clients = join_all((0..number).map(|_| Client::connect(addr))).await;
        let pages = (0..number).zip(clients).map(|(n, mut client)| async move {
            tokio::time::sleep(SECOND * n / number).await;
            let mut seconds = tokio::time::interval(SECOND);
            seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                seconds.tick().await;
                let status = client.ask(Method::GET, "/api/queue-status").await;
                assert_eq!(status.whole().await.status.as_u16(), 200);
            }
        });
        Self(pages.collect())
    }

    /// Closes them, and fails if one of them failed.
    pub async fn close(mut self) {
        assert!(self.0.try_join_next().is_none(), "a page failed");
        self.0.shutdown().await;
    }
}
