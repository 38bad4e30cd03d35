//! The AsyncAPI 3 document, generated from the frames.
