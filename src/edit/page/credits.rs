//! A picture's credit tells its caption: it stands right below it.

use super::context::{CAPTION, Chances};
use super::features::Seen;
use crate::edit::Label;
use crate::edit::lines::Block;
use crate::edit::story::Verdict;

/// Words from which a line above a credit is no name of a section, and no label of a button.
const WORDS: usize = 5;
/// The chance of being a caption from which a line above a credit that reads like the story is one.
const LIKELY: f32 = 0.1;

/// Lines right above a picture's credit are its caption, unless they are surely of the story.
pub(super) fn captions(seen: &Seen, chances: &[Chances], verdicts: &mut [Verdict<'_>], blocks: &[Block<'_>]) {
    let mut likely = vec![false; blocks.len()];
    for (i, chances) in seen.lines.iter().zip(chances) {
        likely[*i] = chances[CAPTION] >= LIKELY;
    }
    for i in 1..blocks.len() {
        let above = verdicts[i - 1].label;
        let free = above == Label::Boilerplate || (matches!(above, Label::Body | Label::Subhead) && likely[i - 1]);
        if verdicts[i].label == Label::Credit && free && blocks[i - 1].shape.words >= WORDS {
            verdicts[i - 1] = Verdict::evidence(Label::Caption, "above a picture's credit");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edit::lines;
    use crate::edit::page::context::{BODY, BOILERPLATE};
    use crate::edit::page::testing;

    #[test]
    fn what_stands_above_a_credit_is_a_caption_if_it_is_not_too_short_and_not_surely_story() {
        let lines = [
            "The harbour of Ostheim after the storm",
            "Foto: Kit Marlow",
            "More pictures",
            "Foto: Kit Marlow",
            "The crews had waited for days, she said.",
            "Foto: Kit Marlow",
            "The crews at the quay of Ostheim on Monday.",
            "Foto: Kit Marlow",
        ];
        use Label::{Body, Boilerplate, Caption, Credit};
        let seen = testing::seen(&lines);
        let mut chances =
            testing::chances(&[BOILERPLATE, BOILERPLATE, BOILERPLATE, BOILERPLATE, BODY, BODY, BODY, BODY]);
        chances[6][CAPTION] = 0.2;
        let text = lines.join("\n");
        let labels = [Boilerplate, Credit, Boilerplate, Credit, Body, Credit, Body, Credit];
        let mut verdicts: Vec<_> = labels.iter().map(|label| Verdict::evidence(*label, "")).collect();
        captions(&seen, &chances, &mut verdicts, &lines::unwrapped(&lines::rows(&text)));
        let got: Vec<Label> = verdicts.iter().map(|v| v.label).collect();
        assert_eq!(got, [Caption, Credit, Boilerplate, Credit, Body, Credit, Caption, Credit]);
    }
}
