package anchor

// OpenFileStoreHook opens a store that calls hook at each step of its writes.
var OpenFileStoreHook = openFileStore
