//! The pages of `golive explain`: every rule of the findings, every check id.
