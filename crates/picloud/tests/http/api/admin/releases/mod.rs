mod bundle;
mod compare;
mod list;
mod restore;
mod under_load;
