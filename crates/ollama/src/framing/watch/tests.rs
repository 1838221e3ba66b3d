//! Rules of the watch, each at every place where a chunk can be cut.

use super::*;

fn watched(form: Form, chunks: &[&[u8]]) -> (Verdict, Tally) {
    let mut watch = AnswerWatch::new(form);
    for chunk in chunks {
        watch.see(chunk).unwrap();
    }
    (watch.end(), watch.tally())
}

fn watched_at_every_cut(form: Form, text: &str) -> (Verdict, Tally) {
    let text = text.as_bytes();
    let whole = watched(form, &[text]);
    for cut in 0..=text.len() {
        assert_eq!(
            watched(form, &[&text[..cut], &text[cut..]]),
            whole,
            "cut at {cut}"
        );
    }
    assert_eq!(watched(form, &text.chunks(1).collect::<Vec<_>>()), whole);
    whole
}

const ANSWER: &str = "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"zażółć\"},\"done\":false}\n\
    {\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\" 😀\"},\"done\":false}\n\
    {\"model\":\"m\",\"message\":{\"content\":\"\"},\"done_reason\":\"stop\",\"done\":true,\"prompt_eval_count\":7,\"prompt_eval_duration\":3000000,\"eval_count\":2,\"eval_duration\":40}\n";

#[test]
fn an_answer_with_done_is_complete_and_its_figures_are_read() {
    let (verdict, tally) = watched_at_every_cut(Form::Lines, ANSWER);
    assert_eq!(verdict, Verdict::Complete);
    let expected = Tally {
        frames: 2,
        prompt_eval_count: Some(7),
        eval_count: Some(2),
        prompt_eval_duration_ns: Some(3_000_000),
        eval_duration_ns: Some(40),
    };
    assert_eq!(tally, expected);
    assert_eq!(tally.busy_ms(), Some(3));
}

#[test]
fn an_answer_without_done_is_incomplete() {
    let cut = ANSWER.rfind("{\"model\"").unwrap();
    assert_eq!(
        watched_at_every_cut(Form::Lines, &ANSWER[..cut]).0,
        Verdict::Incomplete
    );
    assert_eq!(watched(Form::Lines, &[]).0, Verdict::Incomplete);
}

#[test]
fn done_counts_without_a_last_line_end_and_with_spaces() {
    assert_eq!(
        watched_at_every_cut(Form::Lines, "{\"done\": true}").0,
        Verdict::Complete
    );
}

#[test]
fn only_done_and_error_decide_whatever_the_figures_and_the_spaces_are() {
    for figures in [
        r#""eval_count":5.0,"eval_duration":1234.5"#,
        r#""prompt_eval_count":-1,"eval_count":null"#,
        r#""eval_count":"5","usage":[]"#,
        r#""eval_count":1,"eval_count":2"#,
        r#""error":"","context":[1,2]"#,
    ] {
        for done in [r#""done":true"#, r#""done" :  true"#, "\"done\"\t:\ttrue"] {
            let line = format!("{{\"model\":\"m\",{done},{figures}}}");
            for form in [Form::Lines, Form::Document] {
                assert_eq!(
                    watched_at_every_cut(form, &line).0,
                    Verdict::Complete,
                    "{line}"
                );
            }
        }
    }
}

#[test]
fn done_inside_a_text_or_a_nested_object_ends_nothing() {
    for line in [
        r#"{"message":{"content":"\"done\":true"},"done":false}"#,
        r#"{"message":{"tool_calls":[{"function":{"arguments":{"done":true}}}]},"done":false}"#,
        r#"{"message":{"tool_calls":[{"function":{"arguments":{"error":"x"}}}]},"done":false}"#,
        r#"{"error":null,"done":false}"#,
    ] {
        assert_eq!(
            watched_at_every_cut(Form::Lines, line).0,
            Verdict::Incomplete,
            "{line}"
        );
    }
}

#[test]
fn an_error_line_means_failed() {
    assert_eq!(
        watched_at_every_cut(Form::Lines, "{\"error\":\"out of memory\"}\n").0,
        Verdict::Failed
    );
}

#[test]
fn garbage_is_incomplete_and_an_endless_line_is_an_error() {
    assert_eq!(
        watched(Form::Lines, &[b"\xff\xfe\"done\":true\n\n\0"]).0,
        Verdict::Incomplete
    );
    let mut watch = AnswerWatch::new(Form::Lines);
    let chunk = vec![b'x'; 1024 * 1024];
    let fed = (0..5).try_for_each(|_| watch.see(&chunk));
    assert!(fed.is_err());
}

#[test]
fn openai_events_end_with_done_and_carry_usage() {
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"é\"}}]}\n\n: a comment\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n";
    let (verdict, tally) = watched_at_every_cut(Form::OpenAiEvents, text);
    assert_eq!(verdict, Verdict::Complete);
    assert_eq!(
        (tally.prompt_eval_count, tally.eval_count),
        (Some(3), Some(1))
    );
}

#[test]
fn openai_events_with_an_error_stay_failed() {
    let text = "data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\n\n";
    assert_eq!(
        watched_at_every_cut(Form::OpenAiEvents, text).0,
        Verdict::Failed
    );
    assert_eq!(
        watched(Form::OpenAiEvents, &[b"data: {}\n\n"]).0,
        Verdict::Incomplete
    );
}

#[test]
fn a_responses_stream_ends_with_its_own_event() {
    let text = "event: response.created\ndata: {}\n\nevent: response.completed\ndata: {\"response\":{\"error\":null}}\n\n";
    assert_eq!(
        watched_at_every_cut(Form::OpenAiEvents, text).0,
        Verdict::Complete
    );
}

#[test]
fn a_document_is_complete_when_it_parses_and_does_not_deny_it() {
    let done = "{\"message\":{\"content\":\"hi\"},\"done\":true,\"eval_count\":4}";
    let (verdict, tally) = watched_at_every_cut(Form::Document, done);
    assert_eq!((verdict, tally.eval_count), (Verdict::Complete, Some(4)));
    assert_eq!(
        watched_at_every_cut(Form::Document, "{\"done\":false}").0,
        Verdict::Incomplete
    );
    assert_eq!(
        watched_at_every_cut(Form::OpenAiDocument, "{\"choices\":[]}").0,
        Verdict::Complete
    );
    assert_eq!(
        watched_at_every_cut(Form::OpenAiDocument, "{\"choices\":[").0,
        Verdict::Incomplete
    );
    assert_eq!(
        watched_at_every_cut(Form::Document, "{\"error\":\"x\"}").0,
        Verdict::Failed
    );
}

#[test]
fn a_large_document_is_judged_by_its_end() {
    let mut large = vec![b' '; Document::KEPT + 1];
    assert_eq!(watched(Form::Document, &[&large]).0, Verdict::Incomplete);
    large.push(b'}');
    assert_eq!(
        watched(Form::Document, &[&large, b"\n"]).0,
        Verdict::Complete
    );
}

#[test]
fn something_may_stand_between_lines_but_not_inside_one() {
    let mut watch = AnswerWatch::new(Form::Lines);
    assert!(watch.between_frames());
    watch.see(b"{\"do").unwrap();
    assert!(!watch.between_frames());
    watch.see(b"ne\":false}\n").unwrap();
    assert!(watch.between_frames());
    let mut document = AnswerWatch::new(Form::Document);
    assert!(document.between_frames());
    document.see(b"{").unwrap();
    assert!(!document.between_frames());
}

#[test]
fn nothing_is_written_within_an_event() {
    for form in [Form::OpenAiEvents, Form::AnthropicEvents] {
        let mut watch = AnswerWatch::new(form);
        assert!(watch.between_frames());
        for within in [
            "event: message_start\n",
            "data: {\"a\"",
            ":1}\r\n",
            "data: {}\n",
        ] {
            watch.see(within.as_bytes()).unwrap();
            assert!(!watch.between_frames(), "{within}");
        }
        watch.see(b"\r\n").unwrap();
        assert!(watch.between_frames());
        watch.see(b": a comment\n").unwrap();
        assert!(!watch.between_frames());
    }
}
