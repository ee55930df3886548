package org.tune4j.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.tune4j.ConfigException;
import org.tune4j.component.Component;
import org.tune4j.component.Default;
import org.tune4j.component.Inline;
import org.tune4j.component.Provided;

/** What a component gets from the program, and a config cannot name. */
class ProvidedTest {
  /** What the program knows. */
  public record Pantry(String has) {}

  /** Takes its first argument from the program. */
  public record Dish(String made) {
    /** Its only component. */
    @Component("dish")
    public static Dish of(@Provided Pantry pantry, @Default("2") int plates) {
      return new Dish(plates + " of " + pantry.has());
    }
  }

  /** Keys of several components. */
  public record Serving(@Provided Pantry pantry, @Default("cold") String how) {}

  /** Takes it in an inlined record. */
  public record Salad(String made) {
    /** Its only component. */
    @Component("salad")
    public static Salad of(@Inline Serving serving) {
      return new Salad(serving.how() + " " + serving.pantry().has());
    }
  }

  /** May be written as a list of dishes. */
  public record Dishes(List<Dish> dishes) {
    /** Of several. */
    @Component("dishes")
    public static Dish of(@Provided Pantry pantry, List<Dish> dishes) {
      return new Dish(pantry.has() + " " + dishes);
    }
  }

  /** What a config describes. */
  public record Menu(Dish dish) {
    /** Its only component. */
    @Component("menu")
    public Menu {}
  }

  private static final ComponentRegistry NOTHING =
      new ComponentRegistry(
          List.of(() -> List.of(Dish.class, Salad.class, Dishes.class, Menu.class)));
  private static final ComponentRegistry KITCHEN =
      NOTHING.providing(Pantry.class, () -> new Pantry("bread"));

  private static Config config(String yaml) {
    return Config.parse("c.yaml", yaml);
  }

  private static List<String> problems(ComponentRegistry registry, String name, String yaml) {
    return assertThrows(
            ConfigException.class, () -> Binder.bind(registry, Object.class, name, config(yaml)))
        .problems();
  }

  @Test
  void parameter_thatIsProvided_getsTheProgramsValue() {
    assertEquals(
        new Dish("3 of bread"), Binder.bind(KITCHEN, Dish.class, "dish", config("plates: 3")));
    assertEquals(new Salad("cold bread"), Binder.bind(KITCHEN, Salad.class, "salad", config("{}")));
    assertEquals(
        new Menu(new Dish("2 of bread")),
        Binder.bind(KITCHEN, Menu.class, "menu", config("dish: dish")));
  }

  @Test
  void list_ofSections_goesToTheFirstKey() {
    assertEquals(
        new Menu(new Dish("bread [Dish[made=2 of bread]]")),
        Binder.bind(KITCHEN, Menu.class, "menu", config("dish: [dish]")));
  }

  @Test
  void value_isThatOfTheLastProvider_andTheFirstRegistryStays() {
    ComponentRegistry other = KITCHEN.providing(Pantry.class, () -> new Pantry("rice"));
    assertEquals(new Dish("2 of rice"), Binder.bind(other, Dish.class, "dish", config("{}")));
    assertEquals(new Dish("2 of bread"), Binder.bind(KITCHEN, Dish.class, "dish", config("{}")));
  }

  @Test
  void parameter_thatNobodyProvides_isOneProblem() {
    String expected =
        "'%s' needs a value of org.tune4j.config.ProvidedTest$Pantry, which this program does not provide; name another component";
    assertEquals(
        List.of("c.yaml:1:1: " + expected.formatted("dish")),
        problems(NOTHING, "dish", "plates: 3"));
    assertEquals(
        List.of("c.yaml:1:1: " + expected.formatted("Serving")), problems(NOTHING, "salad", "{}"));
  }

  @Test
  void parameter_thatIsProvided_isNoKey() {
    assertEquals(
        List.of("c.yaml:1:9: key 'pantry' is not known; accepted are plates"),
        problems(KITCHEN, "dish", "pantry: 1"));
    ConfigException e =
        assertThrows(
            ConfigException.class,
            () -> Binder.checkKeys(KITCHEN, Dish.class, config("pantry: 1")));
    assertTrue(e.problems().get(0).contains("key 'pantry' is not known"), e.problems().get(0));
    String page = new Reference(KITCHEN).of("dish") + new Reference(KITCHEN).of("salad");
    assertTrue(page.contains("`plates`") && page.contains("`how`"), page);
    assertTrue(!page.contains("pantry"), page);
  }
}
