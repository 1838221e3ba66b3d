//! Sends the requests of an experiment as they came when it was recorded.

use std::{
    collections::HashSet, future::pending, net::SocketAddr, pin::pin, sync::Arc, time::Instant,
};

use futures::future::{Either, select};
use ollama_sim::Sim;
use tokio::sync::watch;

use crate::{
    Act, CLOSE_MS, DONE, Experiment, FIRST, KEPT, Played,
    support::{send, within},
};

/// What has happened, in order: with a request, by its index, or what was done to Ollama, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    Sent(usize),
    Head(usize),
    End(usize),
    Act(usize),
}

/// How a request went here.
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) end: &'static str,
    pub(crate) text: String,
    pub(crate) began: Option<Instant>,
    pub(crate) ended: Instant,
}

/// Sends all requests; how they went, and what happened in which order.
pub(crate) async fn play(one: &Experiment, sim: &Arc<Sim>) -> (Vec<Said>, Vec<Event>) {
    let (happens, seen) = watch::channel(Vec::<Event>::new());
    let happens = Arc::new(happens);
    let acts: Vec<_> = acts(one).into_iter().enumerate().collect();
    let acts = acts.into_iter().map(|(number, (at_ms, act))| {
        let mut awaited = before(one, at_ms, None);
        awaited.extend(sent_before(one, at_ms));
        awaited.remove(&Event::Act(number));
        let (sim, mut seen, happens) = (sim.clone(), seen.clone(), happens.clone());
        tokio::spawn(async move {
            await_all(&mut seen, &awaited).await;
            match act {
                Act::Kill => sim.kill_runners(),
                Act::Stop => within(sim.stop()).await,
            }
            happens.send_modify(|events| events.push(Event::Act(number)));
        })
    });
    let acts: Vec<_> = acts.collect();
    let mut sent = Vec::new();
    for (number, index) in order(one).into_iter().enumerate() {
        let request = one.requests[index].clone();
        await_all(
            &mut seen.clone(),
            &before(one, request.sent_at_ms, Some(index)),
        )
        .await;
        let leaving = leaves(one, &request).then(|| {
            let left_at_ms = request.end_at_ms.unwrap();
            let mut awaited = before(one, left_at_ms - CLOSE_MS, Some(index));
            awaited.extend(sent_before(one, left_at_ms));
            awaited.extend(request.head_at_ms.map(|_| Event::Head(index)));
            awaited
        });
        let asking = ask(sim.addr(), index, request, happens.clone(), leaving);
        sent.push((index, tokio::spawn(asking)));
        // In order of arrival.
        within(sim.wait_until(|counts| counts.requests > number as u64)).await;
        happens.send_modify(|events| events.push(Event::Sent(index)));
    }
    let mut said = Vec::new();
    sent.sort_by_key(|(index, _)| *index);
    for (_, task) in sent {
        said.push(task.await.unwrap());
    }
    for act in acts {
        act.await.unwrap();
    }
    let events = seen.borrow().clone();
    (said, events)
}

/// What was done to Ollama, and when.
fn acts(one: &Experiment) -> Vec<(f64, Act)> {
    let noted = one.notes.iter().filter_map(|note| {
        let (at_ms, what) = note.split_once(" ms: ")?;
        let act = match what {
            "kill -9" => Act::Kill,
            "SIGTERM" => Act::Stop,
            _ => return None,
        };
        Some((at_ms.parse().unwrap(), act))
    });
    let done = DONE.iter().filter(|(case, ..)| *case == one.case);
    noted
        .chain(done.map(|(_, at_ms, act)| (*at_ms, *act)))
        .collect()
}

/// Whether it was the client who went.
pub(crate) fn leaves(one: &Experiment, request: &Played) -> bool {
    one.case.starts_with("sched-hangup") && request.end != "complete"
}

pub(crate) fn index(one: &Experiment, label: &str) -> usize {
    let mut requests = one.requests.iter();
    requests.position(|request| request.label == label).unwrap()
}

/// The requests as they stood before Ollama.
fn order(one: &Experiment) -> Vec<usize> {
    let sent_at_ms = |index: &usize| one.requests[*index].sent_at_ms;
    let mut order: Vec<usize> = (0..one.requests.len()).collect();
    order.sort_by(|a, b| sent_at_ms(a).total_cmp(&sent_at_ms(b)));
    for (_, first, second) in FIRST.iter().filter(|(case, ..)| *case == one.case) {
        let place = |label: &str| {
            let wanted = index(one, label);
            order.iter().position(|index| *index == wanted).unwrap()
        };
        let (first, second) = (place(first), place(second));
        let index = order.remove(first);
        order.insert(second, index);
    }
    order
}

/// Asks, and reads the answer to its end, or until all has happened that had when its client left.
async fn ask(
    addr: SocketAddr,
    index: usize,
    request: Played,
    happens: Arc<watch::Sender<Vec<Event>>>,
    leaving: Option<HashSet<Event>>,
) -> Said {
    let tell = |event| happens.send_modify(|events| events.push(event));
    let mut said = Said {
        status: 0,
        end: "connection closed early",
        text: String::new(),
        began: None,
        ended: Instant::now(),
    };
    let reading = async {
        let body = request.body.to_string().replace(KEPT.0, KEPT.1);
        let Ok(answer) = send(addr, "POST", &request.path, body).await else {
            return;
        };
        said.status = answer.head.status.as_u16();
        said.began = Some(Instant::now());
        tell(Event::Head(index));
        let (bytes, end) = answer.rest().await;
        if end.is_ok() {
            said.end = "complete";
        }
        said.text = String::from_utf8(bytes).unwrap();
    };
    let mut seen = happens.subscribe();
    let leaving = async {
        match leaving {
            Some(awaited) => await_all(&mut seen, &awaited).await,
            None => pending().await,
        }
    };
    let is_left = {
        let (reading, leaving) = (pin!(reading), pin!(leaving));
        match select(reading, leaving).await {
            Either::Left(_) => false,
            Either::Right(_) => {
                // Before it is gone, at the end of this block: nobody can begin behind it sooner.
                tell(Event::End(index));
                true
            }
        }
    };
    if is_left {
        said.end = LEFT;
    } else {
        tell(Event::End(index));
    }
    said.ended = Instant::now();
    said
}

/// How an answer ends whose client has gone.
pub(crate) const LEFT: &str = "its client left";

/// The requests that had been sent by a time.
fn sent_before(one: &Experiment, at_ms: f64) -> impl Iterator<Item = Event> {
    let requests = one.requests.iter().enumerate();
    requests
        .filter(move |(_, request)| request.sent_at_ms <= at_ms)
        .map(|(index, _)| Event::Sent(index))
}

/// The heads and ends of others that had come by a time, and what had been done.
fn before(one: &Experiment, at_ms: f64, own: Option<usize>) -> HashSet<Event> {
    let others = one.requests.iter().enumerate();
    let others = others.filter(|(index, _)| Some(*index) != own);
    let has_come = |then_ms: Option<f64>| then_ms.is_some_and(|then_ms| then_ms <= at_ms);
    let events = others.flat_map(|(index, request)| {
        let head = has_come(request.head_at_ms).then_some(Event::Head(index));
        let end = has_come(request.end_at_ms).then_some(Event::End(index));
        head.into_iter().chain(end)
    });
    let acts = acts(one).into_iter().enumerate();
    let acts = acts.filter(|(_, (then_ms, _))| *then_ms <= at_ms);
    events
        .chain(acts.map(|(number, _)| Event::Act(number)))
        .collect()
}

async fn await_all(seen: &mut watch::Receiver<Vec<Event>>, awaited: &HashSet<Event>) {
    let are_there = |events: &Vec<Event>| awaited.iter().all(|event| events.contains(event));
    within(seen.wait_for(are_there)).await.unwrap();
}
