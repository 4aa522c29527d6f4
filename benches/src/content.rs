//! What files are filled with: program text, logs, JSON, noise, and what is made to be awkward.
//!
//! Text is put together from a vocabulary, so that it shrinks about as much as real text of its
//! kind does: source code to a quarter or a fifth, logs to a sixth, JSON to a tenth.

use crate::random::Random;

/// A kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines of a program.
    Code,
    /// Lines of a web server's log.
    Log,
    /// Records of an export.
    Json,
    /// Bytes without any structure, as in a picture or an archive.
    Noise,
}

/// `len` bytes of a kind, the same for the same seed and name.
pub fn content(kind: Kind, len: usize, seed: u64, name: &str) -> Vec<u8> {
    let mut random = Random::new(seed, name);
    if kind == Kind::Noise {
        let mut bytes = vec![0; len];
        random.fill(&mut bytes);
        return bytes;
    }
    let mut text = Vec::with_capacity(len + 512);
    let mut count = 0;
    while text.len() < len {
        count += 1;
        match kind {
            Kind::Code => code(&mut text, &mut random),
            Kind::Log => log(&mut text, &mut random, count),
            Kind::Json | Kind::Noise => json(&mut text, &mut random, count),
        }
    }
    text.truncate(len);
    text
}

const WORDS: [&str; 64] = [
    "value",
    "index",
    "options",
    "callback",
    "module",
    "exports",
    "require",
    "prototype",
    "length",
    "result",
    "error",
    "buffer",
    "stream",
    "handler",
    "context",
    "request",
    "response",
    "parse",
    "config",
    "version",
    "default",
    "string",
    "object",
    "source",
    "target",
    "resolve",
    "promise",
    "create",
    "update",
    "remove",
    "listener",
    "emit",
    "query",
    "params",
    "path",
    "name",
    "type",
    "node",
    "child",
    "parent",
    "element",
    "state",
    "props",
    "render",
    "component",
    "async",
    "await",
    "token",
    "cache",
    "store",
    "async",
    "match",
    "filter",
    "reduce",
    "entries",
    "keys",
    "assign",
    "merge",
    "clone",
    "depth",
    "offset",
    "limit",
    "count",
    "total",
];

fn word(random: &mut Random) -> &'static str {
    WORDS[random.index(WORDS.len())]
}

fn push(text: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        text.extend_from_slice(part.as_bytes());
    }
}

fn number(text: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}

fn code(text: &mut Vec<u8>, random: &mut Random) {
    const INDENT: [&str; 4] = ["  ", "    ", "      ", "        "];
    let indent = INDENT[random.index(4)];
    let (a, b, c) = (word(random), word(random), word(random));
    match random.below(6) {
        0 => push(
            text,
            &[
                "\nfunction ",
                a,
                "_",
                b,
                "(",
                c,
                ", ",
                word(random),
                ") {\n",
            ],
        ),
        1 => push(
            text,
            &[
                indent,
                "const ",
                a,
                " = ",
                b,
                ".",
                c,
                "(",
                word(random),
                ");\n",
            ],
        ),
        2 => push(text, &[indent, "if (", a, " !== ", b, ".", c, ") {\n"]),
        3 => push(text, &[indent, "// ", a, " ", b, " of the ", c, ".\n"]),
        4 => {
            push(text, &[indent, "return ", a, "[", b, "] + "]);
            number(text, random.below(10_000));
            push(text, &[";\n"]);
        }
        _ => push(text, &[indent, "}\n", indent, a, ".", b, " = '", c, "';\n"]),
    }
}

fn log(text: &mut Vec<u8>, random: &mut Random, count: u64) {
    const METHOD: [&str; 3] = ["GET", "POST", "DELETE"];
    const STATUS: [&str; 5] = ["200", "200", "304", "404", "500"];
    push(text, &["10."]);
    for end in [".", ".", " - - [2026-11-"] {
        number(text, random.below(40));
        push(text, &[end]);
    }
    number(text, 10 + count / 4_000_000);
    push(text, &["T"]);
    number(text, 10 + count / 400_000 % 10);
    push(text, &[":"]);
    number(text, 10 + count / 8_000 % 50);
    push(text, &[":"]);
    number(text, 10 + count / 160 % 50);
    push(
        text,
        &[
            "] \"",
            METHOD[random.index(3)],
            " /api/",
            word(random),
            "/",
            word(random),
            "?id=",
        ],
    );
    number(text, random.below(50_000));
    push(text, &[" HTTP/1.1\" ", STATUS[random.index(5)], " "]);
    number(text, random.below(9000));
    push(text, &[" \"Mozilla/5.0 (X11; Linux x86_64)\"\n"]);
}

fn json(text: &mut Vec<u8>, random: &mut Random, count: u64) {
    push(text, &["{\"id\":"]);
    number(text, count);
    push(
        text,
        &[",\"type\":\"", word(random), "\",\"created_at\":\"2026-11-"],
    );
    number(text, 10 + random.below(20));
    push(
        text,
        &[
            "T08:00:00Z\",\"owner\":{\"name\":\"",
            word(random),
            "\",\"enabled\":",
        ],
    );
    push(
        text,
        &[
            if random.below(4) == 0 {
                "false"
            } else {
                "true"
            },
            ",\"quota\":",
        ],
    );
    number(text, random.below(64) * 1000);
    push(
        text,
        &[
            "},\"labels\":{\"app\":\"",
            word(random),
            "\",\"tier\":\"backend\",\"zone\":\"eu-west-",
        ],
    );
    number(text, random.below(3));
    push(
        text,
        &[
            "\"},\"description\":\"the ",
            word(random),
            " of this ",
            word(random),
            "\"}\n",
        ],
    );
}

/// `len` bytes that repeat `block`.
pub fn repeated(block: &[u8], len: usize) -> Vec<u8> {
    block.iter().copied().cycle().take(len).collect()
}

/// `len` bytes whose blocks all have the same weak sum, whatever the seed, and are otherwise
/// different: choices between a piece of the Thue–Morse sequence and its complement.
///
/// A sum of powers up to the `k`-th does not tell the two halves of such a sequence of `2^(k+1)`
/// apart (Prouhet 1851), so neither does the pair of sums of rsync, whatever a byte is replaced
/// by, and polynomials modulo `2^64` fail from 2^10 bytes on.
pub fn colliding(len: usize, seed: u64, name: &str) -> Vec<u8> {
    const PIECE: usize = 1 << 10;
    let mut random = Random::new(seed, name);
    let mut bytes = Vec::with_capacity(len + PIECE);
    while bytes.len() < len {
        let flip = random.below(2) as u32;
        bytes.extend(
            (0..PIECE as u32).map(|at| match (at.count_ones() + flip) % 2 {
                0 => b'a',
                _ => b'Z',
            }),
        );
    }
    bytes.truncate(len);
    bytes
}

#[cfg(test)]
mod tests {
    use rsync_core::checksum::Rolling;

    use super::*;

    #[test]
    fn content_has_its_length_and_depends_on_seed_and_name_alone() {
        for kind in [Kind::Code, Kind::Log, Kind::Json, Kind::Noise] {
            let bytes = content(kind, 100_001, 1, "a");
            assert_eq!(bytes.len(), 100_001);
            assert_eq!(bytes, content(kind, 100_001, 1, "a"));
            assert_ne!(bytes, content(kind, 100_001, 2, "a"));
            assert_ne!(bytes, content(kind, 100_001, 1, "b"));
        }
    }

    #[test]
    fn more_of_a_text_begins_with_less_of_it() {
        let long = content(Kind::Log, 200_000, 1, "log");
        assert!(long.starts_with(&content(Kind::Log, 150_000, 1, "log")));
    }

    #[test]
    fn colliding_blocks_have_one_weak_sum_and_differ() {
        let bytes = colliding(64 << 10, 1, "a");
        let mut blocks: Vec<&[u8]> = bytes.chunks(4 << 10).collect();
        let sum = Rolling::of(blocks[0]).value();
        assert!(blocks.iter().all(|block| Rolling::of(block).value() == sum));
        blocks.sort_unstable();
        blocks.dedup();
        assert!(blocks.len() > 8, "only {} blocks differ", blocks.len());
    }
}
