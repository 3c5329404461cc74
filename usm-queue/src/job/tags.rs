//! What callers call their jobs, to find them by.

/// Tags of one job.
const MAX_TAGS: usize = 10;
/// Bytes of one tag.
const MAX_TAG_BYTES: usize = 100;

/// Adds a tag unless it is there; tells why it cannot be one.
pub(crate) fn add_tag(tags: &mut Vec<String>, tag: &str) -> Result<(), String> {
    if tag.is_empty() || tag.len() > MAX_TAG_BYTES {
        return Err(format!("a tag has 1 to {MAX_TAG_BYTES} bytes, and this one {}", tag.len()));
    }
    if tags.iter().any(|known| known == tag) {
        return Ok(());
    }
    if tags.len() >= MAX_TAGS {
        return Err(format!("a job has at most {MAX_TAGS} tags"));
    }
    tags.push(tag.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_few_short_and_different() {
        let mut tags = Vec::new();
        for tag in ["a", "a", &"x".repeat(MAX_TAG_BYTES)] {
            assert_eq!(add_tag(&mut tags, tag), Ok(()));
        }
        assert_eq!(tags.len(), 2);
        assert!(add_tag(&mut tags, "").is_err());
        assert!(add_tag(&mut tags, &"x".repeat(MAX_TAG_BYTES + 1)).is_err());
        for number in 2..MAX_TAGS {
            assert_eq!(add_tag(&mut tags, &number.to_string()), Ok(()));
        }
        assert!(add_tag(&mut tags, "one more").is_err());
        assert_eq!(add_tag(&mut tags, "a"), Ok(()), "it has it");
    }
}
