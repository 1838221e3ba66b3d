//! Rules of reading JSON where it lies.

use super::*;

fn whole(text: &str) -> Raw<'_> {
    check(text.as_bytes()).unwrap();
    Raw::of(text.as_bytes())
}

#[test]
fn what_gos_grammar_takes_is_taken() {
    for text in [
        "{}",
        " [1, -0, 0.5e+7, 1E9, true, false, null, \"\\u0000\\/é\"] ",
        "\t\r\n{\"a\" : {\"b\":[]} ,\"\":0}",
        "\"x\"",
        "7",
    ] {
        assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
    }
    assert_eq!(check(b"\"\xff\xc3\""), Ok(()));
    assert_eq!(check(br#""\ud83d""#), Ok(()));
}

#[test]
fn what_gos_grammar_refuses_is_refused_where_it_stands() {
    for (text, fault) in [
        ("", Fault::End),
        ("  ", Fault::End),
        ("{\"a\":", Fault::End),
        ("[1,", Fault::End),
        ("\"abc", Fault::End),
        ("{,}", Fault::Byte { at: 1, byte: b',' }),
        ("{\"a\":1,}", Fault::Byte { at: 7, byte: b'}' }),
        ("[1,]", Fault::Byte { at: 3, byte: b']' }),
        ("[1}", Fault::Byte { at: 2, byte: b'}' }),
        ("{\"a\":1]", Fault::Byte { at: 6, byte: b']' }),
        ("{\"a\" 1}", Fault::Byte { at: 5, byte: b'1' }),
        ("01", Fault::Trailing { at: 1 }),
        ("-", Fault::End),
        ("-x", Fault::Byte { at: 1, byte: b'x' }),
        ("1.", Fault::End),
        ("[1.]", Fault::Byte { at: 3, byte: b']' }),
        ("1e+", Fault::End),
        (".5", Fault::Byte { at: 0, byte: b'.' }),
        ("NaN", Fault::Byte { at: 0, byte: b'N' }),
        ("nul", Fault::End),
        ("tru3", Fault::Byte { at: 3, byte: b'3' }),
        ("'a'", Fault::Byte { at: 0, byte: b'\'' }),
        ("\"\n\"", Fault::Byte { at: 1, byte: b'\n' }),
        ("\"\\x\"", Fault::Byte { at: 2, byte: b'x' }),
        ("\"\\u12g4\"", Fault::Byte { at: 5, byte: b'g' }),
        ("{} xyz", Fault::Trailing { at: 3 }),
        ("{}{}", Fault::Trailing { at: 2 }),
        ("\u{feff}{}", Fault::Byte { at: 0, byte: 0xef }),
        ("/* x */{}", Fault::Byte { at: 0, byte: b'/' }),
    ] {
        assert_eq!(check(text.as_bytes()), Err(fault), "{text:?}");
    }
}

#[test]
fn ten_thousand_levels_pass_and_one_more_does_not() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let nested = |depth: usize| {
            let inner = if open == "[" { "" } else { "0" };
            format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
        };
        assert_eq!(check(nested(MAX_DEPTH).as_bytes()), Ok(()));
        assert_eq!(check(nested(MAX_DEPTH + 1).as_bytes()), Err(Fault::Depth));
    }
}

#[test]
fn members_and_items_are_found_as_they_are_written() {
    let object = whole(r#" { "a" : [1 ,{"b":"]}"}, "x\"" ] , "c":2.50,"":{} } "#);
    let members: Vec<_> = object
        .members()
        .map(|(name, value)| (name.bytes(), value.bytes()))
        .collect();
    let expected: [(&[u8], &[u8]); 3] = [
        (b"\"a\"", br#"[1 ,{"b":"]}"}, "x\"" ]"#),
        (b"\"c\"", b"2.50"),
        (b"\"\"", b"{}"),
    ];
    assert_eq!(members, expected);
    let items: Vec<_> = object
        .member("a")
        .unwrap()
        .items()
        .map(Raw::bytes)
        .collect();
    let expected: [&[u8]; 3] = [b"1", br#"{"b":"]}"}"#, br#""x\"""#];
    assert_eq!(items, expected);
    assert_eq!(whole("[]").items().count(), 0);
    assert_eq!(whole("7").members().count(), 0);
}

#[test]
fn the_last_of_a_maps_members_counts_and_null_is_absent() {
    let map = whole(r#"{"a":1,"\u0061":2,"A":3,"b":5,"b":null}"#);
    assert_eq!(map.member("a").and_then(Raw::whole), Some(2));
    assert_eq!(map.member("b"), None);
}

#[test]
fn numbers_are_read_as_gos_types_read_them() {
    for (text, whole_number) in [
        ("5", Some(5)),
        ("-0", Some(0)),
        ("1.0", None),
        ("1e2", None),
        ("9223372036854775807", Some(i64::MAX)),
        ("9223372036854775808", None),
    ] {
        assert_eq!(whole(text).whole(), whole_number, "{text}");
    }
    assert_eq!(whole("1e400").number(), Some(f64::INFINITY));
    assert_eq!(whole("\"5\"").number(), None);
}

#[test]
fn a_string_says_what_go_reads() {
    for (token, text) in [
        (&b"\"a\""[..], "a"),
        (br#""\"\\\/\b\f\n\r\t\u00e9""#, "\"\\/\u{8}\u{c}\n\r\té"),
        (br#""\ud83d\ude00""#, "😀"),
        (br#""\ud83d""#, "\u{fffd}"),
        (br#""\ude00x""#, "\u{fffd}x"),
        (br#""\ud83d\n""#, "\u{fffd}\n"),
        (br#""\ud83d\u0041""#, "\u{fffd}A"),
        (br#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
        (b"\"\xff\"", "\u{fffd}"),
        (b"\"\xe2\x82x\"", "\u{fffd}\u{fffd}x"),
        (b"\"\xf0\x9f\x98\"", "\u{fffd}\u{fffd}\u{fffd}"),
        (b"\"\xed\xa0\x80\\n\"", "\u{fffd}\u{fffd}\u{fffd}\n"),
    ] {
        assert_eq!(unquote(token), text, "{token:?}");
    }
}

#[test]
fn names_fold_as_gos_do() {
    let is = |token: &str, name| folded_among(token.as_bytes(), ["x", name].into_iter()) == Some(1);
    for token in [
        "\"keep_alive\"",
        "\"KEEP_ALIVE\"",
        "\"Keep_Alive\"",
        "\"\u{212a}eep_alive\"",
        "\"\\u212Aeep_alive\"",
        "\"k\\u0065ep_alive\"",
    ] {
        assert!(is(token, "keep_alive"), "{token}");
    }
    assert!(is("\"meſſages\"", "messages"));
    for token in ["\"keepalive\"", "\"keep_alive \"", "\"ĸeep_alive\"", "\"\""] {
        assert!(!is(token, "keep_alive"), "{token}");
    }
    assert!(!is("\"meßages\"", "messages"));
}

#[test]
fn a_string_that_is_written_is_read_the_same() {
    for text in ["", "a\"b\\c", "\0\n\u{1f}é😀\u{2028}"] {
        let mut out = Vec::new();
        quote(&mut out, text);
        assert_eq!(check(&out), Ok(()));
        assert_eq!(unquote(&out), text);
    }
}

#[test]
fn a_check_in_pieces_finds_what_one_at_a_stretch_finds() {
    let deep = format!("{}1{}", "[{\"a\":".repeat(70), "}]".repeat(70));
    for text in [
        deep.as_str(),
        "{\"a\":[[0],[0 , {}],\"x\\\"y\"] , \"b\":-1.5e3}",
        " [1, 2, [3, 4], 5}",
        "[[],[],{\"a\":tru]",
        "[1,2,3] 4",
        "[1,2,",
        "",
    ] {
        for bytes in 1..9 {
            let mut check = Check::default();
            let in_pieces = loop {
                match check.go_on(text.as_bytes(), bytes) {
                    Ok(false) => {}
                    Ok(true) => break Ok(()),
                    Err(fault) => break Err(fault),
                }
            };
            assert_eq!(
                in_pieces,
                super::check(text.as_bytes()),
                "{text} by {bytes}"
            );
        }
    }
}

#[test]
fn a_piece_is_no_longer_than_asked_but_for_what_it_ends_in() {
    let text = format!("[{}]", vec!["[0]"; 1_000].join(","));
    let mut check = Check::default();
    let mut pieces = 1;
    while !check.go_on(text.as_bytes(), 100).unwrap() {
        pieces += 1;
    }
    assert!(
        (text.len() / 104..=text.len() / 100 + 1).contains(&pieces),
        "{pieces}"
    );
}
