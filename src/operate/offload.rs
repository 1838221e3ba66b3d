//! How much of the loaded models is on a CPU although there is a GPU, where `num_gpu` is why.

use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;

use crate::clock::within;
use crate::config::Config;
use crate::upstreams::readings;

/// How long an upstream may take to say what it has loaded.
const PATIENCE: Duration = Duration::from_secs(1);

/// A sentence for each model that lies partly on the CPU of one of these upstreams because `num_gpu` is sent; none where
/// nothing is known.
pub async fn sentences(config: &Config, upstreams: impl Iterator<Item = usize>) -> Vec<String> {
    let Some(layers) = config.policy.options.get("num_gpu") else {
        return Vec::new();
    };
    let asked = upstreams.map(|index| within(PATIENCE, readings::loaded(config, index)));
    let mut sentences = Vec::new();
    for told in join_all(asked).await.into_iter().flatten().flatten() {
        if let Ok(told) = &*told {
            sentences.extend(offloaded(told.document()).map(|(model, share)| {
                format!(
                    "{share} % of {model} is on the CPU because num_gpu = {layers}: set it empty"
                )
            }));
        }
    }
    sentences
}

/// The models that lie on a GPU in part only, and which part of each, in percent, does not.
fn offloaded(ps: &Value) -> impl Iterator<Item = (&str, u64)> {
    let models = ps["models"].as_array().into_iter().flatten();
    models.filter_map(|model| {
        let (size, on_gpu) = (model["size"].as_u64()?, model["size_vram"].as_u64()?);
        let rest = size.checked_sub(on_gpu).filter(|rest| *rest > 0)?;
        // Without a GPU num_gpu changes nothing.
        (on_gpu > 0).then_some((model["name"].as_str()?, rest.saturating_mul(100) / size))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_model_that_lies_partly_on_a_gpu_is_told() {
        let ps = json!({ "models": [
            { "name": "partly", "size": 1000, "size_vram": 70 },
            { "name": "wholly", "size": 1000, "size_vram": 1000 },
            { "name": "without a gpu", "size": 1000, "size_vram": 0 },
            { "name": "odd", "size": 0, "size_vram": 1 },
            { "name": "unsaid" },
        ] });
        assert_eq!(offloaded(&ps).collect::<Vec<_>>(), [("partly", 93)]);
        assert_eq!(offloaded(&Value::Null).count(), 0);
    }
}
