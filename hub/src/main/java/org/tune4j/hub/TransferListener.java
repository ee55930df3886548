package org.tune4j.hub;

import java.time.Duration;

/** Follows a download or an upload; called by several threads at once. */
public interface TransferListener {
  /** Hears nothing. */
  TransferListener NONE =
      new TransferListener() {
        @Override
        public void begun(int files, long bytes, long there) {}

        @Override
        public void transferred(long bytes) {}

        @Override
        public void retried(String file, String why, Duration wait) {}
      };

  /**
   * What is to be transferred is known.
   *
   * @param files that are not there yet
   * @param bytes of these files
   * @param there bytes of them that an earlier transfer left
   */
  void begun(int files, long bytes, long there);

  /**
   * More was transferred.
   *
   * @param bytes negative where it is thrown away
   */
  void transferred(long bytes);

  /**
   * A file's request failed and will be tried again after a wait.
   *
   * @param file within the repository, or {@code the list of files}
   * @param why in words, for people
   * @param wait from now until it is tried again
   */
  void retried(String file, String why, Duration wait);
}
