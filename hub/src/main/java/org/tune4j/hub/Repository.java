package org.tune4j.hub;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.tune4j.UsageException;

/**
 * A repository of a model or a data set at a revision, written {@code OWNER/NAME} or {@code
 * OWNER/NAME@REVISION}.
 *
 * @param name {@code OWNER/NAME}, or {@code NAME} for some of the oldest
 * @param revision a branch, a tag or a commit
 * @param type what it holds
 */
public record Repository(String name, String revision, Type type) {
  /** What the hub keeps apart, each with names of its own. */
  public enum Type {
    /** Weights, config, tokenizer. */
    MODEL,
    /** Rows. */
    DATASET;

    /** As the hub's addresses and the cache's folders have it. */
    private String plural() {
      return name().toLowerCase(Locale.ROOT) + "s";
    }
  }

  /** The branch of a repository named without a revision. */
  public static final String MAIN = "main";

  private static final int LONGEST = 96;
  private static final String PART = "[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?";
  private static final Pattern NAME = Pattern.compile("(?:" + PART + "/)?" + PART);
  private static final Pattern REVISION = Pattern.compile("[A-Za-z0-9._/+-]+");
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
  private static final String FOLDER = Type.MODEL.plural() + "--";

  /**
   * Checks name and revision by the Hub's rules.
   *
   * @throws UsageException if one breaks them
   */
  public Repository {
    if (!NAME.matcher(name).matches()
        || name.length() > LONGEST
        || name.contains("--")
        || name.contains("..")) {
      throw new UsageException(
          "'%s' is not a repository name; expected OWNER/NAME, as in HuggingFaceTB/SmolLM2-135M-Instruct"
              .formatted(name));
    }
    if (!REVISION.matcher(revision).matches()
        || revision.contains("..")
        || revision.startsWith("/")
        || revision.endsWith("/")) {
      throw new UsageException(
          "'%s' is not a revision; expected a branch, a tag or a commit".formatted(revision));
    }
  }

  /**
   * A model's repository.
   *
   * @param name at most 96 characters
   * @param revision a branch, a tag or a commit
   * @throws UsageException when one can be none
   */
  public Repository(String name, String revision) {
    this(name, revision, Type.MODEL);
  }

  /**
   * Reads a model's name with or without a revision.
   *
   * @param text {@code OWNER/NAME}, or {@code OWNER/NAME@REVISION}
   * @return at {@link #MAIN} where the text names no revision
   * @throws UsageException when it is neither
   */
  public static Repository parse(String text) {
    int at = text.indexOf('@');
    return at < 0
        ? new Repository(text, MAIN)
        : new Repository(text.substring(0, at), text.substring(at + 1));
  }

  /**
   * The repository that a folder's name means where there is no such folder: {@code OWNER/NAME},
   * and no folder {@code OWNER} either, so that a mistyped path is never asked for at the hub.
   *
   * @param folder as a user wrote it, relative to the working folder
   * @return empty where the folder is there, or its name can mean no repository
   */
  public static Optional<Repository> insteadOf(Path folder) {
    if (folder.isAbsolute() || folder.getNameCount() != 2 || Files.exists(folder)) {
      return Optional.empty();
    }
    if (Files.exists(folder.getName(0)) || folder.startsWith(".") || folder.startsWith("..")) {
      return Optional.empty();
    }
    try {
      return Optional.of(parse(folder.toString()));
    } catch (UsageException e) {
      return Optional.empty();
    }
  }

  /**
   * {@return the repository whose snapshot a folder of the cache is, its revision the commit; empty
   * where the folder is named otherwise}
   *
   * @param folder is only looked at by its name, {@code models--OWNER--NAME/snapshots/COMMIT}
   */
  public static Optional<Repository> ofSnapshot(Path folder) {
    Path whole = folder.toAbsolutePath().normalize();
    int n = whole.getNameCount();
    if (n < 3
        || !whole.getName(n - 2).toString().equals("snapshots")
        || !whole.getName(n - 3).toString().startsWith(FOLDER)) {
      return Optional.empty();
    }
    String name =
        whole.getName(n - 3).toString().substring(FOLDER.length()).replaceFirst("--", "/");
    try {
      return Optional.of(new Repository(name, whole.getName(n - 1).toString()));
    } catch (UsageException e) {
      return Optional.empty();
    }
  }

  /** Whether the revision can never mean anything else. */
  boolean isCommit() {
    return COMMIT.matcher(revision).matches();
  }

  /** Its folder in the cache. */
  String folder() {
    return type.plural() + "--" + name.replace("/", "--");
  }

  /** Its path in the hub's API. */
  String api() {
    return "api/" + type.plural() + "/" + name;
  }

  /** Its page's path at the hub; those of models have no folder. */
  String page() {
    return type == Type.MODEL ? name : type.plural() + "/" + name;
  }

  @Override
  public String toString() {
    return revision.equals(MAIN) ? name : name + "@" + revision;
  }
}
