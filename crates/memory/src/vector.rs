//! Vectors of meaning: unit length, so that the cosine distance is one minus their product.

/// Brings a vector to unit length; `None` when it has no direction.
pub(crate) fn unit(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !(length.is_finite() && length > 0.0) {
        return None;
    }
    vector.iter_mut().for_each(|x| *x /= length);
    Some(vector)
}

/// The cosine distance of two unit vectors, 0 to 2; `None` when they are of different models.
pub(crate) fn distance(a: &[f32], b: &[u8]) -> Option<f32> {
    if b.len() != size_of_val(a) {
        return None;
    }
    let product: f32 = a.iter().zip(floats(b)).map(|(a, b)| a * b).sum();
    Some((1.0 - product).clamp(0.0, 2.0))
}

/// A vector as it stands in the record.
pub(crate) fn bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The reverse of [`bytes`].
pub(crate) fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    let (chunks, _) = bytes.as_chunks::<4>();
    chunks.iter().map(|chunk| f32::from_le_bytes(*chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_without_direction_has_no_unit() {
        assert_eq!(unit(vec![0.0, 0.0]), None);
        assert_eq!(unit(vec![f32::NAN, 1.0]), None);
        assert_eq!(unit(vec![3.0, 4.0]), Some(vec![0.6, 0.8]));
    }

    #[test]
    fn distances_are_those_of_the_cosine() {
        let east = [1.0, 0.0];
        for (other, expected) in [([1.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([-1.0, 0.0], 2.0)] {
            assert_eq!(distance(&east, &bytes(&other)), Some(expected));
        }
        assert_eq!(distance(&east, &bytes(&[1.0])), None);
    }

    #[test]
    fn vectors_survive_the_record() {
        let vector = [0.25, -1.5e-7, f32::MIN_POSITIVE];
        assert_eq!(floats(&bytes(&vector)).collect::<Vec<_>>(), vector);
    }
}
