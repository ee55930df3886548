package org.tune4j.hub;

import java.time.Duration;

/** Follows a download; called by several threads at once. */
public interface DownloadListener {
  /** Hears nothing. */
  DownloadListener NONE =
      new DownloadListener() {
        @Override
        public void begun(int files, long bytes, long there) {}

        @Override
        public void received(long bytes) {}

        @Override
        public void retried(String file, String why, Duration wait) {}
      };

  /**
   * What is fetched is known.
   *
   * @param files that are not there yet
   * @param bytes of these files
   * @param there bytes of them that an earlier download left
   */
  void begun(int files, long bytes, long there);

  /**
   * More came.
   *
   * @param bytes negative where what came is thrown away
   */
  void received(long bytes);

  /**
   * A file's request failed and will be tried again after a wait.
   *
   * @param file within the repository, or {@code the list of files}
   * @param why in words, for people
   * @param wait from now until it is tried again
   */
  void retried(String file, String why, Duration wait);
}
