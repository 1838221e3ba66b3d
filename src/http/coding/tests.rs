//! Codings are taken off in any pieces, within bounds, and what is none is refused.

use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// What comes of a body that comes in such pieces, and the largest piece that was handed out.
fn decode(
    coding: Coding,
    body: &[u8],
    piece: usize,
    most: usize,
) -> Result<(Vec<u8>, usize), Refusal> {
    let (mut whole, mut largest) = (Vec::new(), 0);
    let mut take = |bytes: &[u8]| {
        largest = largest.max(bytes.len());
        whole.extend_from_slice(bytes);
        if whole.len() > most {
            return Err(Refusal::BodyTooLarge { limit: most });
        }
        Ok(())
    };
    let mut decoder = Decoder::new(coding);
    for chunk in body.chunks(piece.max(1)) {
        decoder.feed(chunk, &mut take)?;
    }
    decoder.finish(&mut take)?;
    Ok((whole, largest))
}

/// One byte of deflate's makes a thousand.
const PIECE: usize = 1100 * 1024;

fn text(length: usize) -> Vec<u8> {
    let line = b"{\"role\":\"user\",\"content\":\"lorem ipsum dolor sit amet\"},";
    line.iter().copied().cycle().take(length).collect()
}

#[test]
fn a_coded_body_is_the_same_in_any_pieces() {
    for length in [0, 1, 1000, 300_000] {
        let body = text(length);
        for (coding, coded) in [
            (Coding::Identity, body.clone()),
            (Coding::Gzip, gzip(&body)),
            (Coding::Zstd, zstd(&body)),
        ] {
            for piece in [1, 7, 4096, usize::MAX] {
                let (whole, _) = decode(coding, &coded, piece, usize::MAX).unwrap();
                assert!(whole == body, "{coding:?} {length} {piece}");
            }
        }
    }
}

#[test]
fn members_and_frames_follow_one_another() {
    for (coding, code) in [
        (Coding::Gzip, gzip as fn(&[u8]) -> Vec<u8>),
        (Coding::Zstd, zstd),
    ] {
        let coded = [code(b"{\"a\":"), code(b"1}")].concat();
        let (whole, _) = decode(coding, &coded, 3, usize::MAX).unwrap();
        assert_eq!(whole, b"{\"a\":1}", "{coding:?}");
    }
}

#[test]
fn what_is_cut_or_no_such_coding_is_refused() {
    let body = text(10_000);
    for (coding, coded) in [(Coding::Gzip, gzip(&body)), (Coding::Zstd, zstd(&body))] {
        for end in 0..coded.len() {
            let cut = coded.get(..end).unwrap();
            let refused = decode(coding, cut, 64, usize::MAX);
            assert_eq!(refused, Err(Refusal::BodyUndecodable), "{coding:?} {end}");
        }
        let followed = [&coded[..], b"more than a header of a frame has"].concat();
        for other in [&b"{\"model\":\"m\"}, which is longer"[..], &followed] {
            let refused = decode(coding, other, 64, usize::MAX);
            assert_eq!(refused, Err(Refusal::BodyUndecodable), "{coding:?}");
        }
    }
}

#[test]
fn a_bomb_comes_in_pieces_and_ends_where_its_taker_wants_no_more() {
    let zeros = vec![0; 64 << 20];
    for (coding, coded) in [(Coding::Gzip, gzip(&zeros)), (Coding::Zstd, zstd(&zeros))] {
        assert!(coded.len() < 100_000, "{coding:?} {}", coded.len());
        let (whole, largest) = decode(coding, &coded, usize::MAX, usize::MAX).unwrap();
        assert_eq!(whole.len(), zeros.len());
        assert!(largest <= PIECE, "{coding:?} {largest}");
        let refused = decode(coding, &coded, usize::MAX, 1 << 20);
        assert_eq!(refused, Err(Refusal::BodyTooLarge { limit: 1 << 20 }));
    }
}

#[test]
fn a_window_that_is_too_large_is_refused_before_it_is_made() {
    // A frame without a size; its window is told by one byte: 8 MiB, and the next larger one.
    let frame = |window: u8| [&[0x28, 0xb5, 0x2f, 0xfd, 0, window][..], &[1, 0, 0]].concat();
    let largest = frame(13 << 3);
    assert_eq!(decode(Coding::Zstd, &largest, 64, 0), Ok((Vec::new(), 0)));
    let refused = decode(Coding::Zstd, &frame(13 << 3 | 1), 64, 0);
    assert_eq!(refused, Err(Refusal::BodyUndecodable));
}

#[test]
fn nothing_that_is_sent_can_trap_it() {
    let body = text(20_000);
    let mut seed = 7_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for (coding, coded) in [(Coding::Gzip, gzip(&body)), (Coding::Zstd, zstd(&body))] {
        for _ in 0..4_000 {
            let mut bad = coded.clone();
            for _ in 0..=random(4) {
                let at = random(bad.len());
                bad[at] = u8::try_from(random(256)).unwrap();
            }
            bad.truncate(bad.len() - random(3));
            let _ = decode(coding, &bad, 1 + random(4096), 1 << 20);
        }
    }
}

#[test]
fn one_coding_is_read_by_any_of_its_names_and_no_other() {
    let of = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                header::CONTENT_ENCODING,
                HeaderValue::from_str(value).unwrap(),
            );
        }
        Coding::of(&headers)
    };
    assert_eq!(of(&[]), Ok(Coding::Identity));
    assert_eq!(of(&["identity"]), Ok(Coding::Identity));
    assert_eq!(of(&["GZIP"]), Ok(Coding::Gzip));
    assert_eq!(of(&["identity, x-gzip"]), Ok(Coding::Gzip));
    assert_eq!(of(&["zstd"]), Ok(Coding::Zstd));
    for odd in [
        &["br"][..],
        &["gzip, zstd"],
        &["gzip", "gzip"],
        &["deflate"],
    ] {
        assert_eq!(of(odd), Err(Refusal::UnsupportedCoding), "{odd:?}");
    }
}
