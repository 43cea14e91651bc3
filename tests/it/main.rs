//! One integration binary.

mod policy_file;
mod policy_file_hostile;
mod policy_file_ten_mistakes;
