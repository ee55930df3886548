package org.tune4j.hub;

import java.io.IOException;
import java.nio.file.Path;

/** Where a commit's files are written: the shared cache, or a folder of the user's. */
interface Destination {
  /** Whether a file is there, without asking the hub about it. */
  boolean holds(String name);

  /** Whether the content is there already; then the file is put in its place. */
  boolean takes(RemoteFile file) throws IOException;

  /** Where a file's bytes are collected. */
  Path partial(RemoteFile file);

  /** Held by the process that collects a file's bytes. */
  Path lock(RemoteFile file);

  /** Puts a whole file in its place. */
  void keep(RemoteFile file) throws IOException;

  /** All files are there. */
  void complete() throws IOException;

  /** The folder that holds them. */
  Path folder();
}
