//! Rules of the runners, each named after what a recorded Ollama did (`sched-…`).

use futures::poll;

use super::*;

const A: &str = "a:1";
const B: &str = "b:1";
const C: &str = "c:1";
const LOAD: Duration = Duration::from_millis(40);

/// Long enough for every load here, and so far away that nothing ends by it.
const AGES: Duration = Duration::from_secs(300);

fn runners(models: usize, parallel: usize, queue: u64) -> Arc<Runners> {
    let limits = Limits {
        models,
        parallel,
        queue,
        keep_alive: AGES,
        load_timeout: LOAD,
    };
    let ledger = Arc::new(Ledger::new());
    Arc::new(Runners::new(limits, Clock::default(), ledger))
}

fn options(model: &Model, num_ctx: Option<u32>) -> LoadOptions {
    let model = Model {
        num_ctx,
        ..model.clone()
    };
    LoadOptions::of(&model, &crate::request::Options::default(), None, 4_096)
}

impl Runners {
    async fn get(
        self: &Arc<Self>,
        name: &str,
        keep_alive: Option<Duration>,
    ) -> Result<Lease, NoRunner> {
        let model = Model::from(name);
        let options = options(&model, None);
        self.acquire(&model, options, keep_alive, LOAD).await
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.list().into_iter().map(|it| it.model.name).collect();
        names.sort();
        names
    }
}

/// Asks in a task of its own, and lets it come as far as it comes.
async fn asking(
    runners: &Arc<Runners>,
    name: &'static str,
) -> tokio::task::JoinHandle<Result<Lease, NoRunner>> {
    let runners = Arc::clone(runners);
    let task = tokio::spawn(async move { runners.get(name, None).await });
    tokio::time::sleep(Duration::from_millis(1)).await;
    task
}

#[tokio::test]
async fn a_loaded_model_is_used_at_once_and_another_load_option_loads_it_again() {
    let runners = runners(2, 4, 9);
    let first = runners.get(A, None).await.unwrap();
    assert!(first.waited() >= LOAD);
    assert_eq!(runners.get(A, None).await.unwrap().waited(), Duration::ZERO);
    drop(first);
    let model = Model::from(A);
    let other = options(&model, Some(2_048));
    let again = runners.acquire(&model, other, None, LOAD).await.unwrap();
    assert!(again.waited() >= LOAD);
    assert_eq!(runners.list()[0].context, 2_048);
}

/// `sched-load-options-while-streaming`
#[tokio::test]
async fn another_load_option_waits_for_the_streams_and_plain_requests_still_join() {
    let runners = runners(2, 4, 9);
    let stream = runners.get(A, None).await.unwrap();
    let task = {
        let runners = Arc::clone(&runners);
        let model = Model::from(A);
        let options = options(&model, Some(2_048));
        tokio::spawn(async move { runners.acquire(&model, options, None, LOAD).await })
    };
    tokio::time::sleep(Duration::from_millis(1)).await;
    let plain = runners.get(A, None).await.unwrap();
    assert_eq!(plain.waited(), Duration::ZERO);
    drop(stream);
    tokio::time::sleep(2 * LOAD).await;
    assert!(!task.is_finished());
    drop(plain);
    assert!(task.await.unwrap().unwrap().waited() > 2 * LOAD);
}

/// `sched-queue-full-while-loading`
#[tokio::test]
async fn one_loads_two_wait_and_the_rest_is_refused() {
    let runners = runners(1, 4, 2);
    // They are polled one after the other and at once: nothing is loaded before all have asked.
    let (first, second, third, fourth) = futures::join!(
        runners.get(A, None),
        runners.get(A, None),
        runners.get(A, None),
        runners.get(A, None)
    );
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
    assert_eq!(fourth.err(), Some(NoRunner::Busy));
}

/// `sched-second-model-waits`, `sched-starvation`
#[tokio::test]
async fn another_model_waits_until_the_loaded_one_is_idle_and_later_ones_for_it_go_first() {
    let runners = runners(1, 4, 9);
    let mut last = runners.get(A, None).await.unwrap();
    let other = asking(&runners, B).await;
    for _ in 0..5 {
        let next = runners.get(A, None).await.unwrap();
        last = next;
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert!(!other.is_finished());
    }
    drop(last);
    let other = other.await.unwrap().unwrap();
    assert_eq!(runners.names(), [B]);
    drop(other);
}

/// Its `PsHandler` (source): the time that is set when a runner becomes idle, its keep-alive from now on before that.
#[tokio::test]
async fn one_in_use_since_its_load_is_told_to_be_at_its_end_while_another_waits_for_its_place() {
    let runners = runners(1, 4, 9);
    let left = || {
        let until = runners.list()[0].expires_at;
        let left = until.duration_since(runners.clock.now());
        left.unwrap_or_default()
    };
    let _used = runners.get(A, None).await.unwrap();
    assert!(left() > AGES / 2, "{:?}", left());
    let _other = asking(&runners, B).await;
    assert!(left() < AGES / 2, "{:?}", left());
}

/// `sched-keep-alive-undoes-eviction`
#[tokio::test]
async fn a_later_keep_alive_takes_the_eviction_back() {
    let runners = runners(1, 4, 9);
    let stream = runners.get(A, None).await.unwrap();
    let other = asking(&runners, B).await;
    let kept = runners.get(A, Some(5 * LOAD)).await.unwrap();
    drop((stream, kept));
    assert_eq!(runners.names(), [A]);
    let other = other.await.unwrap().unwrap();
    assert!(other.waited() >= 6 * LOAD, "{:?}", other.waited());
}

/// `sched-two-models-at-once`
#[tokio::test]
async fn an_idle_model_with_the_shortest_keep_alive_makes_room() {
    let runners = runners(2, 1, 9);
    drop(runners.get(A, Some(2 * AGES)).await.unwrap());
    drop(runners.get(B, Some(AGES / 2)).await.unwrap());
    drop(runners.get(C, None).await.unwrap());
    assert_eq!(runners.names(), [A, C]);
}

/// `sched-third-model-while-two-busy`
#[tokio::test]
async fn where_none_is_idle_the_one_with_the_shortest_keep_alive_is_waited_for() {
    let runners = runners(2, 2, 9);
    let a = runners.get(A, Some(2 * AGES)).await.unwrap();
    let b = runners.get(B, Some(AGES / 2)).await.unwrap();
    let c = asking(&runners, C).await;
    drop(a);
    tokio::time::sleep(2 * LOAD).await;
    assert!(!c.is_finished());
    drop(b);
    let _c = c.await.unwrap().unwrap();
    assert_eq!(runners.names(), [A, C]);
}

/// `sched-unload-while-streaming`, `sched-keep-alive-is-the-last-named`
#[tokio::test]
async fn an_unload_lets_streams_go_on_and_the_runner_goes_when_it_is_idle() {
    let runners = runners(2, 4, 9);
    let stream = runners.get(A, None).await.unwrap();
    runners.unload(&Model::from(A));
    let new = runners.get(A, None).await.unwrap();
    assert_eq!(new.waited(), Duration::ZERO);
    drop(new);
    assert_eq!(runners.names(), [A]);
    drop(stream);
    assert!(runners.names().is_empty());
    drop(runners.get(A, Some(FOREVER)).await.unwrap());
    assert_eq!(runners.names(), [A]);
    drop(runners.get(A, Some(Duration::ZERO)).await.unwrap());
    assert!(runners.names().is_empty());
}

/// `sched-same-weights-two-names`
#[tokio::test]
async fn two_names_of_one_file_share_a_runner() {
    let runners = runners(2, 4, 9);
    drop(runners.get(A, None).await.unwrap());
    let helper = Model {
        file: Model::from(A).file,
        ..Model::from("helper:1")
    };
    let options = options(&helper, None);
    let lease = runners.acquire(&helper, options, None, LOAD).await.unwrap();
    assert_eq!(lease.waited(), Duration::ZERO);
    assert_eq!(runners.names(), [A]);
    drop(lease);
    runners.unload(&helper);
    assert!(runners.names().is_empty());
}

/// `sched-hangup-while-loading`
#[tokio::test]
async fn a_load_whose_request_left_is_begun_again_for_the_next() {
    let runners = runners(1, 1, 9);
    let mut first = Box::pin(runners.get(A, None));
    let mut second = Box::pin(runners.get(A, None));
    // Whoever is not polled again loads nothing, however long it takes.
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    tokio::time::sleep(LOAD / 2).await;
    drop(first);
    let second = second.await.unwrap();
    assert!(second.waited() >= LOAD + LOAD / 2, "{:?}", second.waited());
}

/// `sched-load-timeout`, `chat-model-broken`
#[tokio::test]
async fn a_load_that_takes_too_long_or_fails_is_told_and_the_next_one_tries_again() {
    let runners = runners(1, 1, 9);
    let model = Model::from(A);
    let options = options(&model, None);
    let slow = 2 * LOAD;
    let timed_out = runners.acquire(&model, options, None, slow).await.err();
    assert_eq!(timed_out, Some(NoRunner::TimedOut));
    let broken = Model {
        fault: Some("no".into()),
        ..model
    };
    let failed = runners.acquire(&broken, options, None, LOAD).await.err();
    assert_eq!(failed, Some(NoRunner::Failed("no".into())));
    assert!(runners.get(A, None).await.is_ok());
}

/// `sched-runner-killed`, `sched-runner-killed-idle`
#[tokio::test]
async fn a_dead_runner_is_listed_until_the_next_request_loads_it_anew() {
    let runners = runners(1, 1, 9);
    let busy = runners.get(A, None).await.unwrap();
    let slot = busy.slot().await.unwrap();
    let waits = runners.get(A, None).await.unwrap();
    let waiting = tokio::spawn(async move { waits.slot().await.err() });
    tokio::time::sleep(Duration::from_millis(1)).await;
    runners.kill();
    assert_eq!(waiting.await.unwrap(), Some(NoRunner::Died));
    assert_eq!(runners.names(), [A]);
    drop((slot, busy));
    let again = runners.get(A, None).await.unwrap();
    assert!(again.waited() >= LOAD);
}

#[tokio::test]
async fn a_prompt_that_goes_on_is_known_as_far_as_it_was_read() {
    let runners = runners(1, 1, 9);
    let lease = runners.get(A, None).await.unwrap();
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(lease.recall(&words("a b c")), 0);
    assert_eq!(lease.recall(&words("a b c d e")), 3);
    assert_eq!(lease.recall(&words("x y")), 0);
    assert_eq!(lease.recall(&words("a b c d e")), 5);
}

#[tokio::test]
async fn prompts_that_share_no_more_than_their_beginning_are_known_side_by_side() {
    let runners = runners(1, 1, 9);
    let lease = runners.get(A, None).await.unwrap();
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let told = ["s a b c d", "s v w x y", "s a b c d e", "s v w x y z"];
    let known = told.map(|text| lease.recall(&words(text)));
    assert_eq!(known, [0, 1, 5, 5]);
}
