//! The results as a picture: each tool's time as a part of rsync's, on a logarithmic scale.

use std::fmt::Write;

use super::{Group, Results, Row};

/// Tools that are drawn, with their colours; others would only be in the way.
const DRAWN: [(&str, &str); 5] = [
    ("ksyncd", "#c2410c"),
    ("rsync-z", "#2563eb"),
    ("tar", "#65a30d"),
    ("unison", "#7c3aed"),
    ("floor", "#9ca3af"),
];
/// Where the scale begins and ends.
const RANGE: (f64, f64) = (0.005, 20.0);
const MARKS: [f64; 8] = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 20.0];
const LEFT: f64 = 330.0;
const WIDTH: f64 = 560.0;
const TOP: f64 = 70.0;
const STEP: f64 = 24.0;

/// The picture, as SVG.
pub(super) fn svg(results: &Results) -> String {
    let groups: Vec<Group<'_>> = results.groups();
    let bottom = TOP + STEP * groups.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        LEFT + WIDTH + 30.0,
        bottom + 20.0
    );
    text(
        &mut svg,
        10.0,
        20.0,
        "start",
        "Time as a part of rsync's (left is faster)",
    );
    for (nth, (tool, colour)) in DRAWN.iter().enumerate() {
        let x = LEFT + 110.0 * nth as f64;
        dot(&mut svg, x, 16.0, colour, tool);
        text(&mut svg, x + 10.0, 20.0, "start", tool);
    }
    for mark in MARKS {
        let x = place(mark);
        let (colour, width) = if mark == 1.0 {
            ("#444", 2)
        } else {
            ("#ddd", 1)
        };
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\" stroke=\"{colour}\" \
             stroke-width=\"{width}\"/>",
            TOP - 10.0
        );
        text(&mut svg, x, TOP - 15.0, "middle", &mark.to_string());
    }
    for (nth, group) in groups.iter().enumerate() {
        let y = TOP + STEP * (nth as f64 + 0.5);
        let first = group.first();
        let label = format!("{} {} ({})", first.workload, first.title, first.place());
        text(&mut svg, 10.0, y + 4.0, "start", &label);
        draw(&mut svg, group, y);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, group: &Group<'_>, y: f64) {
    let wall = |tool| group.find(tool).and_then(Row::wall);
    let Some(base) = wall("rsync")
        .map(|wall| wall.median)
        .filter(|&base| base > 0.0)
    else {
        return;
    };
    // The first is drawn last, so that nothing lies over it.
    for (tool, colour) in DRAWN.iter().rev() {
        let Some(wall) = wall(tool) else { continue };
        let (from, to) = (place(wall.least / base), place(wall.most / base));
        let _ = writeln!(
            svg,
            "<line x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" \
             stroke=\"{colour}\" stroke-width=\"3\" opacity=\"0.5\"/>"
        );
        let said = format!("{tool}: {:.3} s, {:.2}", wall.median, wall.median / base);
        dot(svg, place(wall.median / base), y, colour, &said);
    }
}

fn place(ratio: f64) -> f64 {
    let (least, most) = (RANGE.0.ln(), RANGE.1.ln());
    let part = (ratio.max(RANGE.0).ln() - least) / (most - least);
    LEFT + WIDTH * part.clamp(0.0, 1.0)
}

fn dot(svg: &mut String, x: f64, y: f64, colour: &str, title: &str) {
    let _ = writeln!(
        svg,
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{colour}\"><title>{}</title></circle>",
        escaped(title)
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
        escaped(text)
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::results;

    #[test]
    fn faster_is_further_left_and_nothing_leaves_the_picture() {
        assert!(place(0.1) < place(1.0) && place(1.0) < place(3.0));
        assert_eq!(place(0.0), LEFT);
        assert_eq!(place(1e9), LEFT + WIDTH);
    }

    #[test]
    fn tools_are_drawn_where_rsync_was_measured() {
        let svg = svg(&results());
        assert!(svg.contains("<title>ksyncd: 0.500 s, 0.50</title>"));
        assert!(!svg.contains("<title>ksyncd: 3.000 s"));
        assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
    }

    #[test]
    fn text_can_not_become_markup() {
        let mut results = results();
        results.rows[0].title = "<script> & more".into();
        assert!(svg(&results).contains("W1 &lt;script&gt; &amp; more (pipe)"));
    }
}
