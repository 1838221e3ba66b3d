//! How many requests a second pass the gate when answers take no time.

use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use crate::{
    common::{Keeping, RedisServer},
    figure::plain,
    scene::{Backend, Scene},
};

pub async fn measure() {
    let redis = RedisServer::start(Keeping::Nothing).await;
    let mut backends = vec![Backend::Default, Backend::FullSync];
    backends.extend(redis.as_ref().map(Backend::Redis));
    for backend in backends {
        for clients in [4, 64] {
            let scene = Scene::start(backend, "tokens=1 pace=0ms", &[]).await;
            let before = scene.usage();
            let begun = Instant::now();
            let client = async |_| {
                let mut served = 0_u64;
                while begun.elapsed() < MEASURED {
                    scene.chat("Hello").await.whole().await.assert_complete();
                    served += 1;
                }
                served
            };
            let served: u64 = join_all((0..clients).map(client)).await.into_iter().sum();
            let took = begun.elapsed().as_secs_f64();
            let cpu = scene.usage().time_since(&before);
            let what = format!("{}, {clients} clients", backend.name());
            plain(&what, format!("{:.0} /s", served as f64 / took));
            let each = cpu.as_secs_f64() * 1e3 / served as f64;
            plain("CPU of the host for each", format!("{each:.2} ms"));
            plain("upstream's peak", scene.sim.counts().streams.peak);
        }
    }
}

const MEASURED: Duration = Duration::from_secs(6);
