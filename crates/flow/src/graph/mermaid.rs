//! A graph as Mermaid, which most places that show Markdown draw by themselves.

use std::fmt::Write as _;

use super::{Graph, Node};
use crate::Urgency;

impl Graph {
    /// As a Mermaid flowchart.
    pub fn mermaid(&self) -> String {
        let mut text = String::from("flowchart TD\n");
        // Writing to a `String` cannot fail.
        let _ = self.write_mermaid(&mut text);
        text
    }

    fn write_mermaid(&self, out: &mut String) -> std::fmt::Result {
        for (number, cluster) in self.clusters.iter().enumerate() {
            writeln!(out, "  subgraph f{number} [\"{}\"]", cluster.flow)?;
            for (at, node) in cluster.nodes.iter().enumerate() {
                let (open, close) = shape(node);
                writeln!(out, "    f{number}s{at}{open}\"{}\"{close}", text_of(node))?;
                if let Some(urgency) = node.urgency {
                    writeln!(out, "    class f{number}s{at} {}", urgency.word())?;
                }
            }
            writeln!(out, "    f{number}end((end))")?;
            for edge in &cluster.edges {
                let to = edge.to.map_or_else(|| "end".to_owned(), |to| format!("s{to}"));
                let label = edge.label();
                let label = if label.is_empty() { label } else { format!("|\"{}\"|", quoted(&label)) };
                writeln!(out, "    f{number}s{} -->{label} f{number}{to}", edge.from)?;
            }
            writeln!(out, "  end")?;
        }
        for (number, cluster) in self.clusters.iter().enumerate() {
            for (at, node) in cluster.nodes.iter().enumerate() {
                for callee in &node.calls {
                    writeln!(out, "  f{number}s{at} -.-> f{callee}")?;
                }
            }
        }
        for urgency in Urgency::ALL {
            let (fill, stroke) = urgency.colours();
            writeln!(out, "  classDef {} fill:{fill},stroke:{stroke}", urgency.word())?;
        }
        Ok(())
    }
}

fn text_of(node: &Node) -> String {
    let count = node.count.map(|count| format!("<br/>{count} calls")).unwrap_or_default();
    let what = if node.what.is_empty() { String::new() } else { format!(" {}", node.what) };
    quoted(&format!("<b>{}</b><br/>{}{what}{count}", node.step, node.verb))
}

/// A person is round, a question a rhombus' cousin, all else a box.
fn shape(node: &Node) -> (&'static str, &'static str) {
    match node.helps {
        true => ("([", "])"),
        false => ("[", "]"),
    }
}

/// Mermaid's own quoting of what would end a label.
fn quoted(text: &str) -> String {
    text.replace('"', "#quot;")
}
