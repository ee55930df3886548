package org.tune4j.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.tune4j.ConfigException;
import org.tune4j.component.AlsoCalled;
import org.tune4j.component.ByName;
import org.tune4j.component.Component;
import org.tune4j.component.ComponentProvider;
import org.tune4j.component.Default;
import org.tune4j.component.Hint;
import org.tune4j.component.Incomplete;
import org.tune4j.component.Requirements;

/** The ways to write a component in a config, and what is said of wrong ones. */
class BinderTest {
  /** What a config of these tests describes. */
  public record Meal(Sauce sauce) {
    /** Its only component. */
    @Component("meal")
    public Meal {}
  }

  /** Has a component of its own name, and two of other names. */
  public record Sauce(String made) implements Incomplete {
    /** Of both. */
    @Component("sauce")
    public static Sauce of(@Nullable List<String> oil, @Nullable List<String> acid) {
      return new Sauce("of " + oil + " " + acid);
    }

    /** Needs nothing. */
    @Component(
        value = "pesto_sauce",
        aliases = {"kitchen.data.Pesto"})
    public static Sauce pesto() {
      return new Sauce("pesto");
    }

    /** Lacks something. */
    @Component("secret_sauce")
    public static Sauce secret() {
      return new Sauce("");
    }

    @Override
    public Optional<String> missing() {
      return made.isEmpty() ? Optional.of("recipe is missing; ask the cook") : Optional.empty();
    }

    /** Needs an argument. */
    @Component("hot_sauce")
    public static Sauce hot(@AlsoCalled("spice") int heat) {
      return new Sauce("hot " + heat);
    }
  }

  /** Has no component of its own name. */
  public record Drink(String made) {
    /** Of another name. */
    @Component("water")
    public static Drink water() {
      return new Drink("water");
    }
  }

  /** Gives drinks under its own names. */
  public record Fruit(String name) {
    /** As it is. */
    @Component("*")
    public Drink juice() {
      return new Drink(name + " juice");
    }

    /** With ice. */
    @Component("iced_*")
    public Drink iced(@Default("1") int cubes) {
      return new Drink("%s juice with %d cubes".formatted(name, cubes));
    }
  }

  /** Brings objects alone. */
  private record Garden(String... fruits) implements ComponentProvider {
    @Override
    public List<Class<?>> components() {
      return List.of();
    }

    @Override
    public Map<String, Fruit> objects() {
      return Arrays.stream(fruits).collect(Collectors.toMap("farm."::concat, Fruit::new));
    }
  }

  /** A config whose key has no component of its own name. */
  public record Bar(Drink drink) {
    /** Its only component. */
    @Component("bar")
    public Bar {}
  }

  /** Three keys with a range each. */
  public record Oven(int heat, int minutes, int shelf) {
    /** Its only component. */
    @Component("oven")
    public Oven(int heat, @Default("30") int minutes, @Default("2") int shelf) {
      new Requirements()
          .atLeast(1, "heat", heat)
          .atLeast(1, "minutes", minutes)
          .atLeast(1, "shelf", shelf)
          .check();
      this.heat = heat;
      this.minutes = minutes;
      this.shelf = shelf;
    }
  }

  /** A meal with a switch of its own. */
  public static final class Soup {
    private Soup() {}

    /** Its only component. */
    @Component("soup")
    public static Meal soup(@Default("false") boolean cold, @Nullable List<String> herbs) {
      return new Meal(new Sauce("soup, cold " + cold + " " + herbs));
    }
  }

  /** How hot it is served. */
  @Hint("let it cool instead")
  public enum Serving {
    /** At 60 degrees. */
    @AlsoCalled("lukewarm")
    WARM,
    /** At 10 degrees. */
    COLD
  }

  /** Its model's keys can stand at the top, but for those that it has itself. */
  public record Kitchen(Sauce model, List<String> oil, Serving serving) {
    /** Its only component. */
    @Component("kitchen")
    public Kitchen {}
  }

  private static final ComponentRegistry REGISTRY =
      new ComponentRegistry(
          List.of(
              () ->
                  List.of(
                      Meal.class,
                      Sauce.class,
                      Drink.class,
                      Bar.class,
                      Oven.class,
                      Soup.class,
                      Kitchen.class)));

  private static String made(String yaml) {
    return Binder.bind(REGISTRY, Meal.class, "meal", Config.parse("c.yaml", yaml)).sauce().made();
  }

  private static List<String> problems(Class<?> kind, String name, String yaml) {
    return assertThrows(
            ConfigException.class,
            () -> Binder.bind(REGISTRY, kind, name, Config.parse("c.yaml", yaml)))
        .problems();
  }

  @Test
  void bind_textForComponent_namesIt() {
    assertEquals("pesto", made("sauce: pesto_sauce"));
    assertEquals("pesto", made("sauce: kitchen.data.Pesto"));
    assertEquals("pesto", made("sauce:\n  _component_: pesto_sauce"));
  }

  @Test
  void byName_nameOrAlias_isBuilt() {
    ByName<Sauce> sauces = Binder.byName(REGISTRY, Sauce.class);
    assertEquals(new Sauce("pesto"), sauces.find("pesto_sauce"));
    assertEquals(new Sauce("pesto"), sauces.find("kitchen.data.Pesto"));
    assertNull(sauces.find("water"));
    assertNull(sauces.find("pesto.txt"));
  }

  @Test
  void bind_sectionWithoutComponent_isTheComponentOfTheTypesName() {
    assertEquals("of [a, b] [c]", made("sauce: {oil: [a, b], acid: [c]}"));
    assertEquals("of null [c]", made("sauce:\n  acid: [c]"));
  }

  @Test
  void bind_textOfNoComponent_namesTheNearest() {
    assertEquals(
        List.of(
            "c.yaml:1:8: sauce is 'pesto_sause', which is not known; did you mean 'pesto_sauce'?; there are hot_sauce, pesto_sauce, sauce, secret_sauce"),
        problems(Meal.class, "meal", "sauce: pesto_sause"));
    assertEquals(
        List.of(
            "c.yaml:1:8: sauce is 'water', which is not known; there are hot_sauce, pesto_sauce, sauce, secret_sauce"),
        problems(Meal.class, "meal", "sauce: water"));
  }

  @Test
  void bind_textOfComponentWithArguments_saysWhichIsMissing() {
    assertEquals(
        List.of("c.yaml:1:8: key 'heat' is missing; expected an integer"),
        problems(Meal.class, "meal", "sauce: hot_sauce"));
  }

  @Test
  void bind_wrongKeyInSectionWithoutComponent_namesTheNearest() {
    assertEquals(
        List.of(
            "c.yaml:1:15: key 'oill' is not known; did you mean 'oil'?; accepted are oil, acid"),
        problems(Meal.class, "meal", "sauce: {oill: [a]}"));
  }

  @Test
  void bind_severalValuesOutOfRange_namesEachAtItsPlace() {
    assertEquals(
        List.of(
            "c.yaml:1:7: heat is 0, expected 1 or more",
            "c.yaml:3:8: shelf is -1, expected 1 or more"),
        problems(Oven.class, "oven", "heat: 0\nminutes: 5\nshelf: -1"));
  }

  @Test
  void bind_unreadableValueBesideOneOutOfRange_namesBoth() {
    assertEquals(
        List.of(
            "c.yaml:2:10: key 'minutes' is 'long', expected an integer",
            "c.yaml:1:7: heat is 0, expected 1 or more"),
        problems(Oven.class, "oven", "heat: 0\nminutes: long"));
  }

  @Test
  void bind_sectionWithoutComponentWhereNoneHasTheTypesName_saysWhatThereIs() {
    assertEquals(
        List.of("c.yaml:1:8: 'drink' has no _component_; there are water"),
        problems(Bar.class, "bar", "drink: {size: 1}"));
    assertEquals(
        List.of("c.yaml:1:8: key 'drink' is a list, expected a section with _component_: water"),
        problems(Bar.class, "bar", "drink: [water]"));
  }

  @Test
  void bind_keyOfAnotherComponentOfItsKind_isAcceptedWhereItIsOff() {
    assertEquals("pesto", made("sauce: pesto_sauce\ncold: False\nherbs: []"));
    assertEquals("pesto", made("sauce: pesto_sauce\ncold: null\nherbs: ''"));
    assertEquals(
        List.of("c.yaml:2:7: key 'cold' is not known; accepted are sauce"),
        problems(Meal.class, "meal", "sauce: pesto_sauce\ncold: true"));
  }

  private static Bound<Meal> bound(String yaml) {
    return Binder.bound(REGISTRY, Meal.class, "meal", Config.parse("c.yaml", yaml));
  }

  @Test
  void bound_unknownKeyThatIsOff_isIgnoredWithALine() {
    Bound<Meal> bound =
        bound("sauce: {_component_: hot_sauce, heat: 3, bitter: False}\nspoon: false\nforks: []");
    assertEquals("hot 3", bound.component().sauce().made());
    assertEquals(
        List.of(
            "c.yaml:2:8: key 'spoon' is not known and off: it is ignored",
            "c.yaml:3:8: key 'forks' is not known and off: it is ignored",
            "c.yaml:1:50: key 'bitter' is not known and off: it is ignored"),
        bound.notes());
  }

  @Test
  void bind_unknownKeyThatIsOffAndLikeAKnownOne_isRefused() {
    assertEquals(
        List.of(
            "c.yaml:1:49: key 'spice' is not known; did you mean 'heat'?; accepted are heat",
            "c.yaml:1:62: key 'heet' is not known; did you mean 'heat'?; accepted are heat"),
        problems(
            Meal.class,
            "meal",
            "sauce: {_component_: hot_sauce, heat: 3, spice: False, heet: null}"));
  }

  @Test
  void bind_nullWhereThereIsADefault_isTheDefault() {
    Oven oven =
        Binder.bind(REGISTRY, Oven.class, "oven", Config.parse("c", "heat: 9\nshelf: null"));
    assertEquals(new Oven(9, 30, 2), oven);
    assertEquals(
        List.of("c.yaml:1:7: key 'heat' is null, expected an integer"),
        problems(Oven.class, "oven", "heat: null"));
  }

  @Test
  void resolve_keyThatOthersReferTo_isAVariable() {
    Config written = Config.parse("c.yaml", "degrees: 9\nheat: ${degrees}");
    Config resolved = Binder.resolve(REGISTRY, Oven.class, "oven", written, List.of());
    assertEquals(new Oven(9, 30, 2), Binder.bind(REGISTRY, Oven.class, "oven", resolved));
    assertEquals("heat: 9\n", resolved.toYaml());
    Config misspelled = Config.parse("c.yaml", "minuts: 9\nheat: ${minuts}");
    Config kept = Binder.resolve(REGISTRY, Oven.class, "oven", misspelled, List.of());
    assertEquals(
        List.of(
            "c.yaml:1:9: key 'minuts' is not known; did you mean 'minutes'?; accepted are heat, minutes, shelf"),
        assertThrows(ConfigException.class, () -> Binder.bind(REGISTRY, Oven.class, "oven", kept))
            .problems());
  }

  @Test
  void bound_componentThatLacksSomething_isBuiltAndCannotRun() {
    Bound<Meal> bound = bound("sauce: {_component_: secret_sauce}");
    assertEquals(List.of("c.yaml:1:8: recipe is missing; ask the cook"), bound.missing());
    assertEquals(bound.missing(), assertThrows(ConfigException.class, bound::complete).problems());
    assertEquals(
        "hot 1", bound("sauce: {_component_: hot_sauce, heat: 1}").complete().sauce().made());
  }

  @Test
  void bind_switchOfTorchtune_isAcceptedInAnySectionWhereItIsOff() {
    assertEquals(
        "hot 3",
        made(
            "sauce: {_component_: hot_sauce, heat: 3, amsgrad: False}\nstreaming: false\ntensor_parallel_dim: 1"));
    assertEquals(
        List.of(
            "c.yaml:2:12: key 'streaming' is not known; accepted are sauce",
            "c.yaml:3:22: key 'tensor_parallel_dim' is '2': tensor parallelism is not supported; ranks share a model with strategy=fsdp",
            "c.yaml:1:51: key 'amsgrad' is not known; accepted are heat"),
        problems(
            Meal.class,
            "meal",
            "sauce: {_component_: hot_sauce, heat: 3, amsgrad: True}\nstreaming: true\ntensor_parallel_dim: 2"));
  }

  private static final String KITCHEN =
      "model: {_component_: hot_sauce, heat: 1}\noil: [a]\nserving: %s";

  private static Config kitchen(String serving, String... overrides) {
    Config written = Config.parse("c.yaml", KITCHEN.formatted(serving));
    return Binder.resolve(REGISTRY, Kitchen.class, "kitchen", written, List.of(overrides));
  }

  private static List<String> kitchenProblems(String serving, String... overrides) {
    Config config = kitchen(serving, overrides);
    return assertThrows(
            ConfigException.class, () -> Binder.bind(REGISTRY, Kitchen.class, "kitchen", config))
        .problems();
  }

  @Test
  void resolve_keyOfTheModelAtTheTop_movesUnlessTheComponentHasIt() {
    assertEquals(
        new Kitchen(new Sauce("hot 3"), List.of("b"), Serving.COLD),
        Binder.bind(REGISTRY, Kitchen.class, "kitchen", kitchen("cold", "heat=3", "oil=[b]")));
    assertEquals(
        List.of("override 'acid=c': key 'acid' is not known; accepted are heat"),
        kitchenProblems("cold", "acid=c"));
  }

  @Test
  void bind_nameOfOtherTrainers_isToldForKeysAndTakenForValues() {
    assertEquals(
        List.of(
            "override 'spice=3': key 'spice' is not known; did you mean 'heat'?; accepted are"
                + " model, oil, serving"),
        kitchenProblems("lukewarm", "spice=3"));
    assertEquals(
        List.of(
            "c.yaml:3:10: key 'serving' is 'hot', expected one of warm, cold; let it cool instead"),
        kitchenProblems("hot"));
  }

  @Test
  void object_givesComponentsByItsNameAndADottedOne() {
    ComponentRegistry garden = new ComponentRegistry(List.of(new Garden("apple", "pear")));
    assertEquals(List.of("apple", "iced_apple", "iced_pear", "pear"), garden.names(Drink.class));
    Config two = Config.parse("c.yaml", "cubes: 2");
    Drink iced = new Drink("pear juice with 2 cubes");
    assertEquals(iced, Binder.bind(garden, Drink.class, "iced_pear", two));
    assertEquals(iced, Binder.bind(garden, Drink.class, "farm.iced_pear", two));
    assertEquals(Optional.of("iced_pear"), garden.shortName("farm.iced_pear", Drink.class));
    assertEquals(Optional.empty(), garden.shortName("farm.iced_plum", Drink.class));
  }

  @Test
  void objectOfAPlugin_whoseNameIsTaken_isSkipped() {
    ComponentRegistry garden = new ComponentRegistry(List.of(new Garden("apple")));
    List<String> leftOut = new ArrayList<>();
    ComponentRegistry both = garden.with(new Garden("apple", "plum"), "x.jar", leftOut::add);
    assertEquals(List.of("apple", "iced_apple", "iced_plum", "plum"), both.names(Drink.class));
    assertEquals(2, leftOut.size(), leftOut.toString());
    assertEquals(
        "plugin x.jar: component 'apple' is skipped: Tune4J has one of that name, %s; rename the plugin's"
            .formatted(Fruit.class.getName()),
        leftOut.stream().filter(l -> l.contains("'apple'")).findFirst().orElse(""));
  }
}
