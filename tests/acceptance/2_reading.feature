Feature: Somebody has a collection and wants to know what is in it
  They upload what they have, and neither know nor name how many themes there are.

  Scenario: Themes in letters from six places
    Given "anna" works for the project "letters" as a developer
    When "anna" uploads 240 letters from six places and has them analysed
    Then the run succeeds
    And letters from one place are mostly in one theme
    And a search for "the lighthouse in the fog" finds letters from the harbour
    And the report, the tables and the archive can be downloaded

  Scenario: A file in which something is wrong
    Given "anna" works for the project "letters" as a developer
    When "anna" uploads 240 letters of which 6 rows are broken and has them analysed
    Then the run succeeds
    And it says of 6 rows why they were left out
